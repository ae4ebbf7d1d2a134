import { execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigMap, Node } from '@keelson/api/core/v1';
import { createClient, httpsTransport, loadKubeconfig, type Client } from '@keelson/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Keelson } from './testing/keelson.ts';
import { Etcd } from './testing/lab.ts';
import { eventually, start } from './testing/run.ts';

const noEtcd = ((): string | undefined => {
  try {
    execFileSync('sh', ['-c', 'command -v etcd']);
    return undefined;
  } catch {
    return 'LEFT OUT: etcd is not installed';
  }
})();

describe.skipIf(noEtcd)(noEtcd ?? 'keelson up on an etcd cluster', () => {
  let etcd: Etcd;
  let dataDir: string;
  const running: Keelson[] = [];

  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'keelson-etcd-'));
    etcd = await Etcd.up('e2e', 3);
  });
  afterAll(async () => {
    for (const keelson of running) await keelson.stop('SIGKILL');
    await etcd[Symbol.asyncDispose]();
    await rm(dataDir, { recursive: true, force: true });
  });

  const up = async (): Promise<{ keelson: Keelson; client: Client; close: () => Promise<void> }> => {
    const keelson = await Keelson.up(start, ['--runtime', 'sim', '--port', '0', '--data-dir', dataDir, '--store', etcd.url]);
    running.push(keelson);
    const transport = httpsTransport(loadKubeconfig(keelson.kubeconfig));
    return { keelson, client: createClient(transport), close: () => transport.close() };
  };

  it('works, survives a member, and after a kill has everything again', async () => {
    const first = await up();
    const maps = first.client.resource(ConfigMap);
    await eventually('a ready node', async () => {
      const { items } = await first.client.resource(Node).list();
      return items.some(({ status }) => status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True'));
    });
    await etcd.member('kill', 0);
    const names = Array.from({ length: 20 }, (_, i) => `map-${i}`);
    for (const name of names) {
      await eventually(`ConfigMap ${name}`, async () => {
        // One that timed out may have been made.
        if ((await maps.find({ name, namespace: 'default' })) !== undefined) return true;
        return maps.create({ metadata: { name, namespace: 'default' } });
      });
    }
    await first.close();
    await first.keelson.stop('SIGKILL');
    await etcd.member('start', 0);

    const second = await up();
    const { items } = await second.client.resource(ConfigMap).list({ namespace: 'default' });
    await second.close();

    expect(items.map(({ metadata }) => metadata?.name)).toEqual(expect.arrayContaining(names));
    expect(await second.keelson.stop()).toBe(0);
  });
});
