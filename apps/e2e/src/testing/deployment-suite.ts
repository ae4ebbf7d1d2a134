import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Keelson, removeCgroupsOf } from './keelson.ts';
import { kubectlPath, Machine, withoutRoot } from './lab.ts';
import { eventually, type Output } from './run.ts';

const MANIFEST = join(import.meta.dirname, '../manifests/three-tiers.yaml');
const WELCOME = 'Welcome to nginx!\n';
const OTHER_WELCOME = 'Welcome to the other nginx!\n';

interface World {
  machine: Machine;
  keelson: Keelson;
  dataDir: string;
  kubectl: string;
}

/** A real deployment, through an unmodified kubectl, on Docker: what people do on their first day. */
export function deploymentSuite(version: '1.20' | '1.35', proxyMode: 'iptables' | 'userspace'): void {
  const title = `kubectl ${version} on Docker with the ${proxyMode} proxy`;
  describe.skipIf(withoutRoot !== undefined)(withoutRoot === undefined ? title : `${title} (${withoutRoot})`, () => {
    let world: World;

    const kubectlRun = (args: readonly string[], input?: string): Promise<Output> =>
      world.machine.run(world.kubectl, ['--kubeconfig', world.keelson.kubeconfig, ...args], {
        timeoutMs: 300_000,
        ...(input !== undefined && { input }),
      });
    const kubectl = async (...args: readonly string[]): Promise<string> => {
      const { code, stdout, stderr } = await kubectlRun(args);
      if (code !== 0) throw new Error(`kubectl ${args.join(' ')} ended with ${code}\n${stdout}${stderr}`);
      return stdout;
    };
    const inClient = (...command: readonly string[]): Promise<string> => kubectl('exec', 'client', '--', ...command);
    const fromHost = (url: string): Promise<string> => world.machine.must('curl', ['-sS', '--max-time', '60', url]);
    const jsonPath = (path: string, ...args: readonly string[]): Promise<string> =>
      kubectl('get', ...args, '-o', `jsonpath=${path}`);

    beforeAll(async () => {
      const [machine, path] = await Promise.all([Machine.up('e2e'), kubectlPath(version)]);
      const dataDir = await mkdtemp(join(tmpdir(), 'keelson-e2e-'));
      const flags = ['--runtime', 'docker', '--proxy-mode', proxyMode, '--data-dir', dataDir];
      const keelson = await Keelson.up((...args) => machine.start(...args), flags);
      world = { machine, keelson, dataDir, kubectl: path };
      await eventually('the default service account', async () => (await kubectlRun(['get', 'sa', 'default'])).code === 0);
    });

    afterAll(async () => {
      await world?.keelson.stop();
      await world?.machine[Symbol.asyncDispose]();
      if (world) await removeCgroupsOf(world.dataDir);
      if (world) await rm(world.dataDir, { recursive: true, force: true });
    });

    it('applies three tiers, which all become ready', async () => {
      const output = await kubectl('apply', '-f', MANIFEST);
      expect(output).toContain('deployment.apps/web created');
      await kubectl('wait', '--for=condition=Available', 'deployment/web', 'deployment/data', '--timeout=180s');
      await kubectl('wait', '--for=condition=Ready', 'pod/client', '--timeout=180s');
      expect(await kubectl('apply', '-f', MANIFEST)).toContain('deployment.apps/web unchanged');
    });

    it('gets and describes them', async () => {
      expect(await kubectl('get', 'deployments')).toMatch(/web +2\/2 +2 +2/);
      expect(await kubectl('get', 'pods', '-o', 'wide')).toMatch(/client +1\/1 +Running +0/);
      expect(await kubectl('get', 'all')).toContain('service/kubernetes');
      expect(await kubectl('describe', 'pod', 'client')).toMatch(/Scheduled .*Successfully assigned default\/client to node-1/);
      expect(await kubectl('describe', 'deployment', 'web')).toMatch(/Scaled up replica set web-\w+ /);
      expect(await kubectl('describe', 'service', 'web')).toMatch(/NodePort: +http +30080\/TCP/);
      expect(await kubectl('describe', 'node', 'node-1')).toMatch(/Ready +True/);
    });

    it('shows logs, and runs commands with their input, output and exit code', async () => {
      await eventually('its log', async () => (await kubectl('logs', 'client')) === 'ready\n');
      expect(await inClient('sh', '-c', 'echo $GREETING, $PASSWORD, $NODE_NAME; cat /settings/notes.txt')).toBe(
        'hello from the config map, open sesame, node-1\nfirst line\nsecond line\n',
      );
      expect((await kubectlRun(['exec', 'client', '--', 'sh', '-c', 'echo wrong >&2; exit 7'])).code).toBe(7);
      const echoed = await kubectlRun(['exec', '-i', 'client', '--', 'wc', '-c'], 'x'.repeat(300_000));
      expect(echoed.stdout.trim()).toBe('300000');
      expect(await kubectl('exec', 'deploy/data', '--', 'cat', '/data/state')).toBe('prepared\n');
    });

    it('serves by cluster IP from another pod, by node port from the host, and by environment variables', async () => {
      const clusterIP = await jsonPath('{.spec.clusterIP}', 'service', 'web');
      const dataIP = await jsonPath('{.spec.clusterIP}', 'service', 'data');
      const inCluster = () => inClient('timeout', '60', 'wget', '-qO-', `http://${clusterIP}/`);
      await eventually('an answer', async () => (await inCluster()) === WELCOME);
      await eventually('an answer of the node', async () => (await fromHost('http://127.0.0.1:30080/')) === WELCOME);
      expect(await fromHost(`http://${clusterIP}/`)).toBe(WELCOME);
      expect(await kubectl('exec', 'deploy/data', '--', 'redis-cli', '-h', dataIP, 'ping')).toBe('PONG\n');
      // A pod that uses its own service.
      const hairpin = await kubectl('exec', 'deploy/web', '--', 'timeout', '60', 'wget', '-qO-', `http://${clusterIP}/`);
      expect(hairpin).toBe(WELCOME);
    });

    it('tells pods the addresses of services by their names', async () => {
      expect(await inClient('timeout', '60', 'wget', '-qO-', 'http://web/')).toBe(WELCOME);
      expect(await inClient('nslookup', 'kubernetes.default.svc.cluster.local')).toMatch(/Address: *10\.96\.0\.1\n/);
      expect(await inClient('cat', '/etc/resolv.conf')).toMatch(
        /search default\.svc\.cluster\.local svc\.cluster\.local cluster\.local.*\n(.*\n)*options ndots:5/,
      );
    });

    it('lets pods reach the API server by their service account', async () => {
      expect(
        await inClient('sh', '-c', 'nc -w 30 $KUBERNETES_SERVICE_HOST $KUBERNETES_SERVICE_PORT </dev/null && echo open'),
      ).toBe('open\n');
      expect(await inClient('cut', '-c1-2', '/var/run/secrets/kubernetes.io/serviceaccount/token')).toBe('ey\n');
    });

    it('forwards ports', async () => {
      const forward = world.machine.start(world.kubectl, [
        '--kubeconfig',
        world.keelson.kubeconfig,
        'port-forward',
        'service/web',
        '18080:80',
      ]);
      try {
        const seen = await eventually('an answer through the port-forward', async () => fromHost('http://127.0.0.1:18080/'));
        expect(seen).toBe(WELCOME);
      } finally {
        forward.kill();
        await once(forward, 'exit');
      }
    });

    it('scales, labels and exposes', async () => {
      await kubectl('scale', 'deployment/web', '--replicas=4');
      await kubectl('rollout', 'status', 'deployment/web', '--timeout=180s');
      expect((await jsonPath('{.items[*].metadata.name}', 'pods', '-l', 'app=web')).split(' ')).toHaveLength(4);
      await kubectl('label', 'deployment/web', 'release=canary');
      expect(await kubectl('get', 'deployments', '-l', 'release=canary', '-o', 'name')).toBe('deployment.apps/web\n');
      await kubectl('expose', 'deployment/web', '--name=web2', '--port=8080', '--target-port=80');
      const address = await jsonPath('{.spec.clusterIP}', 'service', 'web2');
      await eventually(
        'the exposed service',
        async () => (await inClient('timeout', '60', 'wget', '-qO-', `http://${address}:8080/`)) === WELCOME,
      );
    });

    it('rolls out and back, and answers all the while', async () => {
      const clusterIP = await jsonPath('{.spec.clusterIP}', 'service', 'web');
      const stop = new AbortController();
      const failures: string[] = [];
      const seen = new Set<string>();
      const ask = async (url: string): Promise<void> => {
        while (!stop.signal.aborted) {
          const { code, stdout, stderr } = await world.machine.run('curl', ['-sS', '--max-time', '60', url]);
          if (code !== 0) failures.push(`${new Date().toISOString()} ${url} ${stderr}`);
          else seen.add(stdout);
        }
      };
      const asking = [ask(`http://${clusterIP}/`), ask('http://127.0.0.1:30080/')];

      await kubectl('set', 'image', 'deployment/web', 'nginx=nginx:1.22-alt');
      expect(await kubectl('rollout', 'status', 'deployment/web', '--timeout=180s')).toContain('successfully rolled out');
      await eventually('the new version alone', async () => (await fromHost('http://127.0.0.1:30080/')) === OTHER_WELCOME);
      await kubectl('rollout', 'undo', 'deployment/web');
      expect(await kubectl('rollout', 'status', 'deployment/web', '--timeout=180s')).toContain('successfully rolled out');
      await eventually('the old version alone', async () => (await fromHost('http://127.0.0.1:30080/')) === WELCOME);
      stop.abort();
      await Promise.all(asking);

      expect(failures.slice(0, 5)).toEqual([]);
      expect(seen).toEqual(new Set([WELCOME, OTHER_WELCOME]));
      expect(await kubectl('rollout', 'history', 'deployment/web')).toMatch(/2 .*\n3 /);
    });

    it('brings a killed container back', async () => {
      const id = (await jsonPath('{.status.containerStatuses[0].containerID}', 'pod', 'client')).replace('docker://', '');
      await world.machine.must('docker', ['kill', id]);
      await eventually(
        'another container',
        async () =>
          (await jsonPath(
            '{.status.containerStatuses[0].restartCount} {.status.containerStatuses[0].ready}',
            'pod',
            'client',
          )) === '1 true',
      );
      expect(await kubectl('logs', 'client', '--previous')).toBe('ready\n');
    });

    it('deletes all of it, with its pods', async () => {
      await kubectl('delete', '-f', MANIFEST, '--wait=false');
      await kubectl('delete', 'service', 'web2');
      await eventually(
        'no pod',
        async () => (await kubectl('get', 'pods,replicasets,endpointslices', '-o', 'name')).trim().split('\n').length <= 1,
        {
          timeoutMs: 300_000,
        },
      );
      await eventually('no container', async () => (await world.machine.must('docker', ['ps', '-aq'])) === '');
      expect((await world.machine.run('curl', ['-sS', '--max-time', '3', 'http://127.0.0.1:30080/'])).code).not.toBe(0);
    });
  });
}
