import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { etcdOptionsOf } from './etcd-url.ts';

const directory = mkdtempSync(join(tmpdir(), 'etcd-url-'));
const file = (name: string): string => {
  writeFileSync(join(directory, name), `PEM of ${name}`);
  return join(directory, name);
};
afterAll(() => rmSync(directory, { recursive: true }));

describe('etcdOptionsOf', () => {
  it.each([
    { url: 'etcd://a', want: { endpoints: ['http://a:2379'] } },
    { url: 'etcd://10.0.0.1:12379,[::1]:22379/', want: { endpoints: ['http://10.0.0.1:12379', 'http://[::1]:22379'] } },
    { url: 'etcd://a?tls=true', want: { endpoints: ['https://a:2379'], tls: {} } },
    { url: 'etcd://a?server-name=etcd', want: { endpoints: ['https://a:2379'], tls: { serverName: 'etcd' } } },
    { url: 'etcd://a?user=me&password=p%26w', want: { endpoints: ['http://a:2379'], user: { name: 'me', password: 'p&w' } } },
    {
      url: `etcd://a,b?ca=${file('ca')}&cert=${file('cert')}&key=${file('key')}`,
      want: {
        endpoints: ['https://a:2379', 'https://b:2379'],
        tls: { ca: 'PEM of ca', certificate: 'PEM of cert', privateKey: 'PEM of key' },
      },
    },
  ])('reads $url', async ({ url, want }) => {
    expect(await etcdOptionsOf(url)).toEqual(want);
  });

  it.each([
    { url: 'http://a', why: /is expected/ },
    { url: 'etcd://', why: /is expected/ },
    { url: 'etcd://a/prefix', why: /is expected/ },
    { url: 'etcd://a,:1', why: /":1" is no HOST:PORT/ },
    { url: 'etcd://a:b', why: /"a:b" is no HOST:PORT/ },
    { url: 'etcd://me@a', why: /"me@a" is no HOST:PORT/ },
    { url: 'etcd://a?certificate=x', why: /there is no parameter "certificate"; there are ca, cert/ },
    { url: 'etcd://a?ca=/not/there', why: /ENOENT/ },
  ])('refuses $url', async ({ url, why }) => {
    await expect(etcdOptionsOf(url)).rejects.toMatchObject({ reason: 'BadRequest', message: expect.stringMatching(why) });
  });

  it('does not repeat a password', async () => {
    await expect(etcdOptionsOf('etcd://a?password=secret&x=1')).rejects.toThrow(/password=\.\.\.&x=1/);
  });
});
