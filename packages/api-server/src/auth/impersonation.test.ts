import { describe, expect, it } from 'vitest';
import type { AuthorizationAttributes, Authorizer } from './contracts.ts';
import { impersonated } from './impersonation.ts';

const alice = { name: 'alice', groups: ['dev', 'system:authenticated'] };
/** Allows `impersonate` of `resource/name`s. */
const allowing = (...allowed: string[]): Authorizer => ({
  authorize: async ({ verb, resource }: AuthorizationAttributes) => {
    const full = [resource?.resource, resource?.subresource, resource?.namespace, resource?.name].filter(Boolean).join('/');
    return { allowed: verb === 'impersonate' && allowed.includes(full) };
  },
});

describe('impersonated', () => {
  it('leaves who names nobody as they are', async () => {
    expect(await impersonated(alice, { accept: '*/*' }, allowing())).toBe(alice);
  });

  it('makes a user of the headers, whom the caller has to be allowed one by one', async () => {
    const headers = {
      'impersonate-user': 'bob',
      'impersonate-group': 'ops, qa',
      'impersonate-uid': 'u1',
      'impersonate-extra-example.org%2fscopes': 'view',
    };
    const allowed = ['users/bob', 'groups/ops', 'groups/qa', 'uids/u1', 'userextras/example.org/scopes/view'];

    expect(await impersonated(alice, headers, allowing(...allowed))).toEqual({
      name: 'bob',
      groups: ['ops', 'qa', 'system:authenticated'],
      uid: 'u1',
      extra: { 'example.org/scopes': ['view'] },
    });
    for (const missing of allowed) {
      const rest = allowed.filter((each) => each !== missing);
      await expect(impersonated(alice, headers, allowing(...rest))).rejects.toMatchObject({ reason: 'Forbidden', code: 403 });
    }
  });

  it('gives service accounts their groups', async () => {
    const headers = { 'impersonate-user': 'system:serviceaccount:shop:robot' };

    expect(await impersonated(alice, headers, allowing('serviceaccounts/shop/robot'))).toMatchObject({
      groups: ['system:serviceaccounts', 'system:serviceaccounts:shop', 'system:authenticated'],
    });
  });

  it('refuses in upstream’s words', async () => {
    await expect(impersonated(alice, { 'impersonate-user': 'bob' }, allowing())).rejects.toThrow(
      'users "bob" is forbidden: User "alice" cannot impersonate resource "users" in API group "" at the cluster scope',
    );
    await expect(impersonated(alice, { 'impersonate-group': 'ops' }, allowing())).rejects.toMatchObject({ code: 400 });
  });
});
