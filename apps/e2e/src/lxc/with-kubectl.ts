import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Keelson } from '../testing/keelson.ts';
import { kubectlPath } from '../testing/lab.ts';
import { LxcWorld } from '../testing/lxc-world.ts';
import { eventually, must, run, start } from '../testing/run.ts';

const WELCOME = 'Welcome to nginx!\n';
const FORWARDED = 'http://127.0.0.1:18081/';

export function describeKubectl(): void {
  describe('kubectl on LXC', () => {
    let world: LxcWorld;
    let keelson: Keelson;
    let path: string;
    const flags = (...args: readonly string[]): string[] => ['--kubeconfig', keelson.kubeconfig, ...args];
    const kubectl = (...args: readonly string[]): Promise<string> => must(path, flags(...args), { timeoutMs: 300_000 });

    beforeAll(async () => {
      [world, path] = await Promise.all([LxcWorld.up(['busybox', 'nginx']), kubectlPath('1.35')]);
      keelson = await world.keelson('--port', '0', '--proxy-mode', 'none', '--dns', 'off');
      await eventually('the default service account', async () => (await run(path, flags('get', 'sa', 'default'))).code === 0);
    });
    afterAll(async () => {
      await keelson?.stop();
      await world?.[Symbol.asyncDispose]();
    });

    it('makes a Deployment, shows its logs, runs commands in it and forwards ports to it', async () => {
      await kubectl('create', 'deployment', 'web', '--image=nginx:1.22', '--replicas=2');
      await kubectl('rollout', 'status', 'deployment/web', '--timeout=180s');
      const ips = (await kubectl('get', 'pods', '-l', 'app=web', '-o', 'jsonpath={.items[*].status.podIP}')).split(' ');

      expect(ips).toHaveLength(2);
      for (const ip of ips)
        expect(await eventually('an answer', () => must('curl', ['-sS', '--max-time', '60', `http://${ip}/`]))).toBe(WELCOME);
      const logs = () => kubectl('logs', 'deployment/web', '--all-pods');
      await eventually('the request in the log', async () => (await logs()).includes('GET / HTTP/1.1'));
      expect(await kubectl('exec', 'deployment/web', '--', 'cat', '/usr/share/nginx/html/index.html')).toBe(WELCOME);
      expect((await run(path, flags('exec', 'deployment/web', '--', 'sh', '-c', 'exit 7'))).code).toBe(7);

      const forward = start(path, flags('port-forward', 'deployment/web', '18081:80'));
      try {
        expect(await eventually('an answer', async () => must('curl', ['-sS', '--max-time', '60', FORWARDED]))).toBe(WELCOME);
      } finally {
        forward.kill();
        await once(forward, 'exit');
      }
    });

    it('lets containers go on while it is away, and takes them up again', async () => {
      const idOf = () =>
        kubectl('get', 'pods', '-l', 'app=web', '-o', 'jsonpath={.items[*].status.containerStatuses[0].containerID}');
      const before = await idOf();

      await keelson.stop('SIGKILL');
      keelson = await world.keelson('--port', '0', '--proxy-mode', 'none', '--dns', 'off');

      await kubectl('wait', '--for=condition=Available', 'deployment/web', '--timeout=180s');
      expect(await idOf()).toBe(before);
      expect(before).toMatch(/^lxc:\/\/\w+ lxc:\/\/\w+$/);
    });

    it('deletes all of it without a trace', async () => {
      await kubectl('delete', 'deployment', 'web');
      await kubectl('wait', '--for=delete', 'pod', '-l', 'app=web', '--timeout=180s');

      await eventually('no traces', async () => (await world.leftovers()).length === 0, { timeoutMs: 300_000 });
    });
  });
}
