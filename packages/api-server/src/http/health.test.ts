import { ManualClock } from '@keelson/base/testing';
import { MemoryStore } from '@keelson/store';
import { expect, it } from 'vitest';
import { HttpsServer } from '../test-support/https-server.ts';

const get = async (server: HttpsServer, path: string) => {
  const { status, headers, body } = await server.send(path);
  return { status, type: headers['content-type'], text: body.toString() };
};

it.each(['/healthz', '/livez', '/readyz', '/readyz/etcd', '/livez/ping'])('says ok at %s', async (path) => {
  await using server = await HttpsServer.start();

  expect(await get(server, path)).toEqual({ status: 200, type: 'text/plain; charset=utf-8', text: 'ok' });
});

it('tells each check, and leaves out what is not wanted', async () => {
  await using server = await HttpsServer.start();

  expect((await get(server, '/readyz?verbose')).text).toBe('[+]ping ok\n[+]etcd ok\n[+]shutdown ok\nreadyz check passed\n');
  expect((await get(server, '/livez/etcd?verbose')).text).toBe('[+]etcd ok\nlivez/etcd check passed\n');
  expect((await get(server, '/livez?verbose&exclude=etcd&exclude=none')).text).toBe(
    '[+]ping ok\n[+]etcd excluded: ok\nwarn: some health checks cannot be excluded: no matches for "none"\nlivez check passed\n',
  );
  expect((await get(server, '/livez/none')).status).toBe(404);
});

it('says what fails, but not why', async () => {
  await using server = await HttpsServer.start();
  using _check = server.api.server.addReadiness({
    name: 'secret',
    check: async () => {
      throw new Error('the password is 1234');
    },
  });

  const { status, text } = await get(server, '/readyz');

  expect(status).toBe(500);
  expect(text).toBe('[+]ping ok\n[+]etcd ok\n[+]shutdown ok\n[-]secret failed: reason withheld\nreadyz check failed\n');
  expect((await get(server, '/livez')).status).toBe(200);
});

it('is not ready once it stops, but alive', async () => {
  await using server = await HttpsServer.start();

  server.api.server.beginShutdown();

  expect((await get(server, '/readyz')).text).toContain('[-]shutdown failed');
  expect((await get(server, '/livez')).text).toBe('ok');
});

it('does not wait for a store that does not answer', async () => {
  class DeafStore extends MemoryStore {
    isDeaf = false;
    override revision(): Promise<number> {
      return this.isDeaf ? new Promise(() => undefined) : super.revision();
    }
  }
  const clock = new ManualClock(Date.UTC(2026, 0, 1));
  const store = new DeafStore({ clock });
  await using server = await HttpsServer.start({ store, clock });
  store.isDeaf = true;
  let isAnswered = false;
  const pending = get(server, '/livez').finally(() => (isAnswered = true));

  await expect.poll(() => clock.advance(2_000).then(() => isAnswered)).toBe(true);
  expect((await pending).text).toContain('[-]etcd failed: reason withheld');
});

it('tells its version', async () => {
  await using server = await HttpsServer.start();

  const { value } = await server.json('/version');

  expect(value).toMatchObject({ major: '1', minor: '36', emulationMinor: '36', minCompatibilityMinor: '35', compiler: 'v8' });
  expect(value.gitVersion).toMatch(/^v1\.36\.\d+\+keelson-/);
});
