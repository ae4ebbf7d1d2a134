import { describe, expect, it } from 'vitest';
import { caCertHashes, count, listOf, port, runtimeNames, servers } from './flag-values.ts';

describe('values of flags', () => {
  it.each([
    {
      title: 'API servers',
      read: servers,
      text: 'https://10.0.0.1:6443,[::1]:6443,HOST',
      want: ['https://10.0.0.1:6443', 'https://[::1]:6443', 'https://host'],
    },
    { title: 'hashes', read: caCertHashes, text: `sha256:${'AB'.repeat(32)}`, want: [`sha256:${'ab'.repeat(32)}`] },
    { title: 'runtimes', read: runtimeNames, text: 'lxc,cri', want: ['lxc', 'cri'] },
    { title: 'words', read: (text: string) => listOf(text, ['one', 'two']), text: 'two', want: ['two'] },
    { title: 'no nodes', read: count, text: '0', want: 0 },
    { title: 'any port', read: port, text: '0', want: 0 },
  ])('are read: $title', ({ read, text, want }) => {
    expect(read(text)).toEqual(want);
  });

  it.each([
    { title: 'a server without encryption', read: servers, text: 'http://10.0.0.1:6443' },
    { title: 'a server with a path', read: servers, text: 'https://10.0.0.1:6443/k8s' },
    { title: 'no server', read: servers, text: '' },
    { title: 'another hash', read: caCertHashes, text: `sha1:${'a'.repeat(64)}` },
    { title: 'half a hash', read: caCertHashes, text: `sha256:${'a'.repeat(32)}` },
    { title: 'an unknown runtime', read: runtimeNames, text: 'lxc,auto' },
    { title: 'less than no nodes', read: count, text: '-1' },
    { title: 'a port beyond the last', read: port, text: '65536' },
  ])('refuse $title', ({ read, text }) => {
    expect(() => read(text)).toThrow(/has to be/);
  });
});
