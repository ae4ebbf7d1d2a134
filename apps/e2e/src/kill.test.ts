import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigMap } from '@keelson/api/core/v1';
import { createClient, httpsTransport, loadKubeconfig, type ResourceClient } from '@keelson/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KEELSON, Keelson } from './testing/keelson.ts';
import { eventually, must, run, start } from './testing/run.ts';
import { ROOT, withoutRoot } from './testing/lab.ts';

const [node, main] = KEELSON;
const ROUNDS = 20;
const WRITERS = 8;

let dataDir: string;
beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'keelson-kill-'));
});
afterAll(() => rm(dataDir, { recursive: true, force: true }));

const up = (...flags: string[]): Promise<Keelson> =>
  Keelson.up(start, ['--runtime', 'sim', '--port', '0', '--data-dir', join(dataDir, 'data'), ...flags]);

describe('keelson up, killed again and again while it writes', () => {
  it(`loses no acknowledged write in ${ROUNDS} kills, and serves again each time`, async () => {
    const acknowledged = new Map<string, string>();
    let answers = 0;
    for (let round = 0; round < ROUNDS; round += 1) {
      const keelson = await up();
      const transport = httpsTransport(loadKubeconfig(keelson.kubeconfig));
      const maps = createClient(transport).resource(ConfigMap);
      expect(await missing(maps, acknowledged), `after kill ${round}`).toEqual([]);

      const stop = new AbortController();
      const writers = Array.from({ length: WRITERS }, async (_, writer) => {
        for (let count = 0; !stop.signal.aborted; count += 1) {
          const name = `r${round}-w${writer}-${count}`;
          const data = { value: crypto.randomUUID() };
          try {
            await maps.create({ metadata: { name, namespace: 'default' }, data });
            acknowledged.set(name, data.value);
            answers += 1;
            if (count % 3 !== 0) continue;
            const changed = { value: crypto.randomUUID() };
            // Until it is answered, either value may be there.
            acknowledged.delete(name);
            await maps.patch({ name, namespace: 'default' }, 'merge', { data: changed });
            acknowledged.set(name, changed.value);
          } catch {
            return;
          }
        }
      });
      const begun = answers;
      await eventually('writes', async () => answers >= begun + WRITERS, { everyMs: 5 });
      await new Promise((resolve) => setTimeout(resolve, 40 * (round % 8)));
      await keelson.stop('SIGKILL');
      stop.abort();
      await Promise.all(writers);
      await transport.close();
    }
    const keelson = await up();
    const maps = createClient(httpsTransport(loadKubeconfig(keelson.kubeconfig))).resource(ConfigMap);
    expect(await missing(maps, acknowledged)).toEqual([]);
    expect(await keelson.stop()).toBe(0);
  });
});

async function missing(maps: ResourceClient<ConfigMap>, acknowledged: ReadonlyMap<string, string>): Promise<readonly string[]> {
  const { items } = await maps.list({ namespace: 'default' });
  const found = new Map(items.map(({ metadata, data }) => [metadata?.name, data?.['value']]));
  return [...acknowledged].filter(([name, value]) => found.get(name) !== value).map(([name]) => name);
}

describe('keelson up where it cannot run', () => {
  const refused = async (...flags: string[]): Promise<{ code: number; stderr: string }> => {
    const { code, stderr, stdout } = await run(node, [main, 'up', '--runtime', 'sim', ...flags], { timeoutMs: 300_000 });
    expect(stdout).toBe('');
    return { code, stderr };
  };

  it('says so if its port is in use', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;

    const result = await refused('--port', String(port), '--data-dir', join(dataDir, 'port'));

    expect(result).toEqual({ code: 1, stderr: `keelson: Cannot listen on "127.0.0.1:${port}": the port is in use\n` });
    server.close();
  });

  it('says so if its data directory cannot be written', async () => {
    await writeFile(join(dataDir, 'file'), '');

    const { code, stderr } = await refused('--data-dir', join(dataDir, 'file', 'data'));

    expect([code, stderr]).toEqual([1, expect.stringContaining(`Cannot use data directory "${join(dataDir, 'file', 'data')}"`)]);
  });

  it('says so if another one has its data directory', async () => {
    const flags = ['--data-dir', join(dataDir, 'shared')];
    const first = await Keelson.up(start, ['--runtime', 'sim', '--port', '0', ...flags]);

    const { code, stderr } = await refused('--port', '0', ...flags);

    expect([code, stderr]).toEqual([1, expect.stringMatching(/has it open/)]);
    expect(await first.stop()).toBe(0);
  });

  it('says what is wrong with its flags', async () => {
    expect((await refused('--port', 'high')).stderr).toMatch(/has to be a number from 0 to 65535/);
    expect((await refused('--store', 'etcd://h?cert=/not/there')).stderr).toMatch(/Cannot use "etcd:.*ENOENT/);
    expect((await refused('--store', 'paper')).stderr).toMatch(/has to be lmdb, memory or etcd:/);
  });

  const fullDisk = 'refuses writes on a full disk, keeps serving, and takes writes again when there is room';
  it.skipIf(withoutRoot !== undefined)(withoutRoot === undefined ? fullDisk : `${fullDisk} (${withoutRoot})`, async () => {
    const disk = join(dataDir, 'disk');
    await mkdir(disk);
    await must('mount', ['-t', 'tmpfs', '-o', 'size=16m', 'tmpfs', disk]);
    try {
      const keelson = await Keelson.up(start, ['--runtime', 'sim', '--port', '0', '--data-dir', join(disk, 'data')]);
      const transport = httpsTransport(loadKubeconfig(keelson.kubeconfig));
      const maps = createClient(transport).resource(ConfigMap);
      const kept = { name: 'kept', namespace: 'default' };
      await maps.create({ metadata: kept, data: { value: 'x' } });
      await must('sh', ['-c', `head -c 100M /dev/zero > ${disk}/filler || true`]);
      const big = 'x'.repeat(500_000);

      const writes = Array.from({ length: 40 }, (_, count) =>
        maps.create({ metadata: { name: `big-${count}`, namespace: 'default' }, data: { big } }),
      );
      const refusals = (await Promise.allSettled(writes)).filter(({ status }) => status === 'rejected');
      expect(refusals.length).toBeGreaterThan(0);
      expect((await maps.get(kept)).data).toEqual({ value: 'x' });

      await rm(join(disk, 'filler'));
      await maps.patch(kept, 'merge', { data: { value: 'y' } });
      expect((await maps.get(kept)).data).toEqual({ value: 'y' });
      await transport.close();
      expect(await keelson.stop()).toBe(0);
    } finally {
      await must('umount', ['-l', disk]);
    }
  });
});

describe('npm start', () => {
  it('prints its ready line, and leaves nothing running when it is told to stop', async () => {
    const starter: Parameters<typeof Keelson.up>[0] = (_file, args) =>
      start('npm', ['--prefix', ROOT, 'start', '--', ...args.slice(2)], { INIT_CWD: dataDir });
    const keelson = await Keelson.up(starter, ['--runtime', 'sim', '--port', '0', '--data-dir', join(dataDir, 'start')]);

    expect(keelson.url).toMatch(/^https:\/\/127\.0\.0\.1:\d+$/);
    await keelson.stop();
    const transport = httpsTransport(loadKubeconfig(keelson.kubeconfig));
    await eventually('the cluster has ended', async () => {
      const { reason } = await transport.request({ method: 'GET', path: '/version' }).then(
        () => ({ reason: 'it answers' }),
        (error: { readonly reason?: string }) => error,
      );
      return reason === 'ServiceUnavailable';
    });
    await transport.close();
  });
});
