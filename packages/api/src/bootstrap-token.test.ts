import { describe, expect, it } from 'vitest';
import { bootstrapTokenOf, parseBootstrapToken } from './bootstrap-token.ts';

const GOOD = {
  'token-id': 'abcdef',
  'token-secret': '0123456789abcdef',
  'usage-bootstrap-authentication': 'true',
  'usage-bootstrap-signing': 'true',
};

function secretOf(data: Record<string, string>, more: object = {}): Parameters<typeof bootstrapTokenOf>[0] {
  const encoded = Object.fromEntries(Object.entries(data).map(([key, text]) => [key, btoa(text)]));
  return { metadata: { name: 'bootstrap-token-abcdef' }, type: 'bootstrap.kubernetes.io/token', data: encoded, ...more };
}

describe('bootstrapTokenOf', () => {
  it('reads what a Secret says', () => {
    const groups = 'system:bootstrappers:workers,system:bootstrappers:a';
    const more = { expiration: '2030-01-01T00:00:00Z', 'auth-extra-groups': groups, 'usage-bootstrap-signing': 'yes' };

    expect(bootstrapTokenOf(secretOf({ ...GOOD, ...more }))).toEqual({
      id: 'abcdef',
      secret: '0123456789abcdef',
      usages: ['authentication'],
      expiresMs: Date.UTC(2030, 0, 1),
      extraGroups: ['system:bootstrappers:a', 'system:bootstrappers:workers'],
    });
  });

  it.each([
    ['of another type', secretOf(GOOD, { type: 'Opaque' })],
    ['under another name', secretOf(GOOD, { metadata: { name: 'bootstrap-token-000000' } })],
    ['without a secret', secretOf({ ...GOOD, 'token-secret': '' })],
    [
      'with an id of other characters',
      secretOf({ ...GOOD, 'token-id': 'ABCDEF' }, { metadata: { name: 'bootstrap-token-ABCDEF' } }),
    ],
    ['without data', secretOf({})],
    ['with data that is no base64', secretOf({}, { data: { 'token-id': '%%%' } })],
  ])('knows no token in a Secret %s', (_title, secret) => {
    expect(bootstrapTokenOf(secret)).toBeUndefined();
  });

  it('takes a time that it cannot read for one that has passed', () => {
    expect(bootstrapTokenOf(secretOf({ ...GOOD, expiration: 'tomorrow' }))?.expiresMs).toBe(0);
    expect(bootstrapTokenOf(secretOf(GOOD))?.expiresMs).toBeUndefined();
  });

  it.each(['system:masters', 'system:bootstrappers:', 'system:bootstrappers:a,system:nodes'])(
    'gives nobody the groups %s',
    (groups) => {
      expect(bootstrapTokenOf(secretOf({ ...GOOD, 'auth-extra-groups': groups }))?.extraGroups).toBeUndefined();
    },
  );
});

describe('parseBootstrapToken', () => {
  it('takes a token apart, and nothing else', () => {
    expect(parseBootstrapToken('abcdef.0123456789abcdef')).toEqual({ id: 'abcdef', secret: '0123456789abcdef' });
    expect(['abcdef.0123', 'ABCDEF.0123456789abcdef', 'a.b.c', ''].map(parseBootstrapToken)).toEqual(Array(4).fill(undefined));
  });
});
