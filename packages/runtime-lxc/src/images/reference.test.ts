import { describe, expect, it } from 'vitest';
import { familiarReference, parseReference } from './reference.ts';

const DIGEST = `sha256:${'a'.repeat(64)}`;

describe('parseReference', () => {
  it.each([
    { text: 'nginx', registry: 'docker.io', repository: 'library/nginx', tag: 'latest', familiar: 'nginx:latest' },
    { text: 'keelson/busybox:1', registry: 'docker.io', repository: 'keelson/busybox', tag: '1', familiar: 'keelson/busybox:1' },
    { text: 'localhost/app', registry: 'localhost', repository: 'app', tag: 'latest', familiar: 'localhost/app:latest' },
    { text: 'host:5000/a/b:c', registry: 'host:5000', repository: 'a/b', tag: 'c', familiar: 'host:5000/a/b:c' },
    { text: 'docker.io/library/nginx:1', registry: 'docker.io', repository: 'library/nginx', tag: '1', familiar: 'nginx:1' },
  ])('reads $text', ({ text, familiar, ...parts }) => {
    expect(parseReference(text)).toEqual(parts);
    expect(familiarReference(parseReference(text))).toBe(familiar);
  });

  it('lets a digest say more than a tag', () => {
    expect(parseReference(`quay.io/x:1@${DIGEST}`)).toEqual({ registry: 'quay.io', repository: 'x', digest: DIGEST });
  });

  it.each(['', 'Nginx', 'a//b', 'a:b:c', 'a@sha256:12', 'a/../b', ':1'])('refuses "%s"', (text) => {
    expect(() => parseReference(text)).toThrow('invalid reference format');
  });
});
