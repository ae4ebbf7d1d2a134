import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Pod } from '@keelson/api/core/v1';
import { startTestApiServer } from '@keelson/api-server/testing';
import { SystemClock } from '@keelson/base';
import { createClient } from '@keelson/client';
import { DockerRuntime } from '@keelson/runtime-docker';
import { describe, expect, it } from 'vitest';
import { FOREVER } from './pods/cases/containers.ts';
import { DockerEngine, withoutRoot } from './testing/lab.ts';

const PODS = Number(process.env['KEELSON_KILL_PODS'] ?? 20);
const KILLS = Number(process.env['KEELSON_KILL_ROUNDS'] ?? 10);
const PROGRAM = join(import.meta.dirname, 'pods/kubelet-process.ts');
const WAIT = { timeout: PODS * 15_000, interval: 500 };

/** In the middle of starts, of which each takes some hundred milliseconds: a little later each time. */
const killAfterMs = (round: number): number => 250 + round * 150;

describe.skipIf(withoutRoot !== undefined)(withoutRoot ?? 'a kubelet that is killed on Docker', () => {
  it(
    `loses no pod and starts none twice when it is killed ${KILLS} times while ${PODS} pods start`,
    { timeout: PODS * 60_000 },
    async () => {
      await using engine = await DockerEngine.up('killed');
      await using api = await startTestApiServer({ http: true });
      const rootDir = await mkdtemp(join(tmpdir(), 'keelson-killed-'));
      const runtime = new DockerRuntime({ clock: new SystemClock(), host: engine.host });
      const pods = createClient(api.transport).resource(Pod);
      const start = (): ChildProcess => startKubelet(api.url ?? '', engine, rootDir);
      const names = Array.from({ length: PODS }, (_, at) => `pod-${at}`);

      for (let round = 0; round < KILLS; round += 1) {
        // Some more each time, so that there are always some about to start.
        for (const name of names.filter((_, at) => at % KILLS === round)) await pods.create(podNamed(name));
        const doomed = start();
        await once(doomed.stdout ?? doomed, 'data');
        await sleep(killAfterMs(round));
        doomed.kill('SIGKILL');
        await once(doomed, 'exit');
      }
      const last = start();
      await expect.poll(() => phases(pods), WAIT).toEqual(Array.from({ length: PODS }, () => 'Running 0'));
      const containers = await runtime.listContainers();
      const sandboxes = await runtime.listSandboxes();
      expect(containers.map(({ attempt, state }) => `${state} ${attempt}`)).toEqual(
        Array.from({ length: PODS }, () => 'running 0'),
      );
      expect(sandboxes).toHaveLength(PODS);

      for (const name of names) await pods.delete({ name, namespace: 'default' }, { gracePeriodSeconds: 1 });
      await sleep(killAfterMs(1));
      last.kill('SIGKILL');
      await once(last, 'exit');
      const end = start();
      const left = async () =>
        [...(await runtime.listContainers()), ...(await runtime.listSandboxes()), ...(await phases(pods))].length;
      await expect.poll(left, WAIT).toBe(0);
      const mounts = (await readFile('/proc/self/mounts', 'utf8')).split('\n').filter((line) => line.includes(rootDir));
      expect(mounts).toEqual([]);

      end.kill('SIGKILL');
      await once(end, 'exit');
      await runtime.close();
      await rm(rootDir, { recursive: true, force: true });
    },
  );
});

function startKubelet(url: string, { host, name }: DockerEngine, rootDir: string): ChildProcess {
  return spawn(process.execPath, [PROGRAM, url, host, name, rootDir], { stdio: ['ignore', 'pipe', 'inherit'] });
}

async function phases(pods: { list(options: object): Promise<{ readonly items: readonly Pod[] }> }): Promise<string[]> {
  const { items } = await pods.list({});
  return items.map(({ status }) => `${status?.phase} ${status?.containerStatuses?.[0]?.restartCount}`);
}

function podNamed(name: string): Pod {
  return {
    metadata: { name, namespace: 'default' },
    spec: {
      nodeName: 'node-1',
      automountServiceAccountToken: false,
      terminationGracePeriodSeconds: 2,
      volumes: [{ name: 'v', emptyDir: { medium: 'Memory' } }],
      containers: [
        {
          name: 'web',
          image: 'keelson/busybox:1',
          command: ['sh', '-c', FOREVER],
          volumeMounts: [{ name: 'v', mountPath: '/v' }],
        },
      ],
    },
  };
}
