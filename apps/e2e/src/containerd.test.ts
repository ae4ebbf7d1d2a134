import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KEELSON, Keelson } from './testing/keelson.ts';
import { BareMachine, kubectlPath, withoutRoot } from './testing/lab.ts';
import { eventually } from './testing/run.ts';

const title = 'keelson up on containerd';
const OBJECTS = {
  apiVersion: 'v1',
  kind: 'List',
  items: [
    { apiVersion: 'node.k8s.io/v1', kind: 'RuntimeClass', metadata: { name: 'second' }, handler: 'other' },
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'web' },
      spec: {
        replicas: 2,
        selector: { matchLabels: { app: 'web' } },
        template: {
          metadata: { labels: { app: 'web' } },
          spec: {
            runtimeClassName: 'second',
            containers: [{ name: 'nginx', image: 'nginx:1.22', ports: [{ containerPort: 80, hostPort: 0 }] }],
          },
        },
      },
    },
    { apiVersion: 'v1', kind: 'Service', metadata: { name: 'web' }, spec: { selector: { app: 'web' }, ports: [{ port: 80 }] } },
  ],
};

describe.skipIf(withoutRoot !== undefined)(withoutRoot === undefined ? title : `${title} (${withoutRoot})`, () => {
  let machine: BareMachine;
  let endpoint: string;
  let kubectlFile: string;
  let dataDir: string;
  let keelson: Keelson;

  const up = async (): Promise<void> => {
    const flags = ['--runtime', 'cri', '--cri-endpoint', endpoint, '--port', '0', '--data-dir', dataDir];
    keelson = await Keelson.up((...args) => machine.start(...args), flags);
  };
  const kubectl = (args: readonly string[], input?: string): Promise<string> =>
    machine.must(kubectlFile, ['--kubeconfig', keelson.kubeconfig, ...args], { ...(input !== undefined && { input }) });
  const ids = async (): Promise<string> =>
    kubectl(['get', 'pods', '-o', 'jsonpath={range .items[*]}{.status.containerStatuses[*].containerID} {.status.podIP};{end}']);

  beforeAll(async () => {
    [machine, kubectlFile] = await Promise.all([BareMachine.up('containerd'), kubectlPath('1.35')]);
    endpoint = await machine.containerd('up');
    dataDir = await mkdtemp(join(tmpdir(), 'keelson-e2e-'));
    await up();
    await eventually('the default service account', async () => (await kubectl(['get', 'sa', 'default', '-o', 'name'])) !== '');
    await kubectl(['create', '-f', '-'], JSON.stringify(OBJECTS));
    await kubectl(['rollout', 'status', 'deployment/web', '--timeout=180s']).catch(async (error: unknown) => {
      throw new Error(`${await kubectl(['describe', 'pods'])}${keelson.log.join('\n')}`, { cause: error });
    });
  });

  afterAll(async () => {
    await keelson?.stop();
    await machine?.containerd('down');
    await machine?.[Symbol.asyncDispose]();
    await rm(dataDir, { recursive: true, force: true });
  });

  it('runs pods by the handler of their class, and says by which runtime', async () => {
    expect(await kubectl(['get', 'node', 'node-1', '-o', 'jsonpath={.status.nodeInfo.containerRuntimeVersion}'])).toMatch(
      /^containerd:\/\//,
    );
    expect(await ids()).toMatch(/^containerd:\/\/[0-9a-f]{64} 10\.244\.1\.\d+;containerd:\/\//);
    const sandboxes = await machine.must('ctr', ['-a', endpoint.replace('unix://', ''), '-n', 'k8s.io', 'containers', 'ls']);
    expect(sandboxes.split('\n').filter((line) => line.includes('nginx'))).toHaveLength(2);
  });

  it('gives logs, runs commands with input, and forwards ports', async () => {
    const web = 'deployment/web';
    const upper = await kubectl(['exec', '-i', web, '--', 'tr', 'a-z', 'A-Z'], 'hello\n');
    const forward = `${kubectlFile} --kubeconfig ${keelson.kubeconfig} port-forward ${web} 18080:80 > /dev/null & pid=$!
      for i in $(seq 1000); do curl -sf http://127.0.0.1:18080/ && break; sleep 0.1; done; kill $pid`;

    expect(upper).toBe('HELLO\n');
    expect(await machine.must('sh', ['-c', forward])).toContain('Welcome to nginx!');
    await eventually('the request in the log', async () => (await kubectl(['logs', '-l', 'app=web'])).includes('GET / HTTP'));
  });

  it('reaches pods by the address of their Service and from pods by its name', async () => {
    const address = await kubectl(['get', 'service', 'web', '-o', 'jsonpath={.spec.clusterIP}']);

    await eventually('an answer', async () => (await machine.run('curl', ['-sf', '-m', '60', `http://${address}/`])).code === 0);
    const fetch = ['exec', 'deployment/web', '--', 'timeout', '60', 'wget', '-qO-', 'http://web.default.svc.cluster.local/'];
    expect(await kubectl(fetch)).toContain('Welcome to nginx!');
  });

  it('finds its pods again after kill -9 of keelson and of containerd', async () => {
    const before = await ids();

    await keelson.stop('SIGKILL');
    await machine.containerd('kill');
    await machine.containerd('up');
    await up();

    await eventually('a node that is ready', async () => (await kubectl(['get', 'node', 'node-1'])).includes(' Ready'));
    await kubectl(['rollout', 'status', 'deployment/web', '--timeout=180s']);
    expect(await ids()).toBe(before);
  });

  it('leaves nothing behind when it is reset', async () => {
    const [node, main] = KEELSON;
    await keelson.stop();

    await machine.must(node, [main, 'reset', '--data-dir', dataDir, '--cri-endpoint', endpoint], { timeoutMs: 300_000 });

    const containers = await machine.must('ctr', [
      '-a',
      endpoint.replace('unix://', ''),
      '-n',
      'k8s.io',
      'containers',
      'ls',
      '-q',
    ]);
    expect(containers.trim()).toBe('');
    expect(await machine.must('ip', ['-br', 'link'])).not.toMatch(/^kn|veth/m);
  });
});
