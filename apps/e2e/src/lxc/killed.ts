import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Pod, ServiceAccount, type Container } from '@keelson/api/core/v1';
import { createClient, httpsTransport, loadKubeconfig, type Client } from '@keelson/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LxcWorld } from '../testing/lxc-world.ts';
import { eventually } from '../testing/run.ts';

/** How often it is killed: a few times with every change, more often by hand. */
const ROUNDS = Number(process.env['KEELSON_KILL_ROUNDS'] ?? 2);
const PODS = 50;
const WAIT = { timeoutMs: 300_000 };

export function describeKilled(): void {
  describe('keelson up on LXC, killed in the middle of 50 pod starts', () => {
    let world: LxcWorld;
    /** A file for each pod, with a line for each time that its container was started. */
    let starts: string;

    beforeAll(async () => {
      world = await LxcWorld.up(['busybox']);
      starts = join(world.directory, 'starts');
      await mkdir(starts);
    });
    afterAll(() => world?.[Symbol.asyncDispose]());

    it(`loses none, starts none twice and leaves nothing, ${ROUNDS} times`, async () => {
      for (let round = 1; round <= ROUNDS; round += 1) {
        const names = Array.from({ length: PODS }, (_, index) => `r${round}-${index}`);
        await killedInTheMiddle(names, 300 + ((round * 733) % 2500));

        await using keelson = await connected();
        const running = async () => (await phases(keelson.client, names)).filter((phase) => phase === 'Running');
        await eventually(`${PODS} running pods`, async () => (await running()).length === PODS, WAIT);
        // What runs may not have written yet.
        await eventually('their files', async () => (await startsOf(names)).every((count) => count > 0), WAIT);
        expect(await startsOf(names), `starts in round ${round}`).toEqual(names.map(() => 1));

        const pods = keelson.client.resource(Pod);
        await Promise.all(names.map((name) => pods.delete({ namespace: 'default', name }, { gracePeriodSeconds: 0 })));
        await eventually('no traces of them', async () => (await world.leftovers()).length === 0, WAIT).catch(async (error) => {
          throw new Error(`round ${round} left\n${(await world.leftovers()).join('\n')}`, { cause: error });
        });
      }
      expect(await world.reset()).toEqual([]);
      expect(await readdir(world.directory)).toEqual(['starts']);
    }, 1_800_000);

    async function connected(): Promise<{ readonly client: Client; kill(): Promise<void> } & AsyncDisposable> {
      const keelson = await world.keelson('--port', '0', '--proxy-mode', 'none', '--dns', 'off');
      const transport = httpsTransport(loadKubeconfig(keelson.kubeconfig));
      const end = async (signal: NodeJS.Signals): Promise<void> => {
        await transport.close();
        await keelson.stop(signal);
      };
      return { client: createClient(transport), kill: () => end('SIGKILL'), [Symbol.asyncDispose]: () => end('SIGTERM') };
    }

    async function killedInTheMiddle(names: readonly string[], afterMs: number): Promise<void> {
      const { client, kill } = await connected();
      const account = () => client.resource(ServiceAccount).find({ namespace: 'default', name: 'default' });
      await eventually('the default service account', async () => (await account()) !== undefined);
      await Promise.all(names.map((name) => client.resource(Pod).create(podOf(name))));
      await new Promise((resolve) => setTimeout(resolve, afterMs));
      await kill();
    }

    function podOf(name: string): Pod {
      const container: Container = {
        name: 'main',
        image: 'keelson/busybox:1',
        command: ['sh', '-c', `echo started >> /starts/${name}; exec sleep 100000`],
        volumeMounts: [{ name: 'starts', mountPath: '/starts' }],
      };
      return {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name, namespace: 'default' },
        spec: {
          terminationGracePeriodSeconds: 1,
          containers: [container],
          volumes: [{ name: 'starts', hostPath: { path: starts } }],
        },
      };
    }

    async function phases(client: Client, names: readonly string[]): Promise<readonly (string | undefined)[]> {
      const { items } = await client.resource(Pod).list({ namespace: 'default' });
      return items.filter(({ metadata }) => names.includes(metadata?.name ?? '')).map(({ status }) => status?.phase);
    }

    async function startsOf(names: readonly string[]): Promise<readonly number[]> {
      const files = await Promise.all(names.map((name) => readFile(join(starts, name), 'utf8').catch(() => '')));
      return files.map((file) => file.split('\n').filter(Boolean).length);
    }
  });
}
