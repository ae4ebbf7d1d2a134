// Runs one pod on a kubelet, an API server in memory and the Docker engine at $DOCKER_HOST, and says what came of it: an init container,
// all kinds of probes, a volume of a ConfigMap, exec, logs, a restart of the kubelet, a crash, an end. Prints how long things took.
import 'reflect-metadata';
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { CLOCK, jsonLogger, LOGGER, SystemClock } from '@keelson/base';
import { findCondition } from '@keelson/api';
import { ConfigMap, Event, Pod, type PodSpec } from '@keelson/api/core/v1';
import { startTestApiServer } from '@keelson/api-server/testing';
import { CLIENT, createClient, type Client } from '@keelson/client';
import { INFORMERS } from '@keelson/controller-runtime';
import { controllerRuntimeModule } from '@keelson/controller-runtime/module';
import { KUBELET, kubeletModule } from '@keelson/kubelet/module';
import { dockerRuntimeModule } from '@keelson/runtime-docker/module';
import { CONTAINER_RUNTIME } from '@keelson/runtime';
import { Container } from 'inversify';

const node = 'lab-node';
const namespace = 'default';
const pods = Number(process.argv[2] ?? 1);

async function startKubelet(client: Client, rootDir: string) {
  const container = new Container();
  container.bind(CLOCK).toConstantValue(new SystemClock());
  container.bind(LOGGER).toConstantValue(jsonLogger((line) => process.stderr.write(line), 'info'));
  container.bind(CLIENT).toConstantValue(client);
  container.load(
    dockerRuntimeModule({ cgroupRoot: `keelson-lab-${process.pid}` }),
    controllerRuntimeModule(),
    kubeletModule({ nodeName: node, rootDir, serving: false }),
  );
  const kubelet = container.get(KUBELET);
  const informers = container.get(INFORMERS);
  const runtime = container.get(CONTAINER_RUNTIME);
  const signal = AbortSignal.timeout(20_000);
  await informers.start(signal);
  await kubelet.start(signal);
  const stop = async () => {
    await kubelet.stop();
    await informers.stop();
    await runtime.close();
  };
  return { kubelet, runtime, stop };
}

async function until(what: string, look: () => Promise<unknown>): Promise<void> {
  const startedAtMs = performance.now();
  while (!(await look())) {
    assert.ok(performance.now() - startedAtMs < 60_000, `waited in vain for: ${what}`);
    await sleep(20);
  }
  process.stdout.write(`${what}: ${Math.round(performance.now() - startedAtMs)} ms\n`);
}

const spec: PodSpec = {
  nodeName: node,
  automountServiceAccountToken: false,
  terminationGracePeriodSeconds: 5,
  volumes: [
    { name: 'settings', configMap: { name: 'settings' } },
    { name: 'shared', emptyDir: {} },
  ],
  initContainers: [
    {
      name: 'first',
      image: 'keelson/busybox:1',
      command: ['sh', '-c', 'cp /settings/words /shared/index.html'],
      volumeMounts: [
        { name: 'settings', mountPath: '/settings' },
        { name: 'shared', mountPath: '/shared' },
      ],
    },
  ],
  containers: [
    {
      name: 'web',
      image: 'keelson/busybox:1',
      command: ['sh', '-c', 'echo serving for $WHO; exec httpd -f -p 8080 -h /shared'],
      env: [{ name: 'WHO', value: 'the lab' }],
      ports: [{ containerPort: 8080, name: 'http' }],
      volumeMounts: [{ name: 'shared', mountPath: '/shared' }],
      startupProbe: { tcpSocket: { port: 'http' }, periodSeconds: 1, failureThreshold: 10 },
      readinessProbe: { httpGet: { path: '/', port: 'http' }, periodSeconds: 1 },
      livenessProbe: { exec: { command: ['test', '-f', '/shared/index.html'] }, periodSeconds: 1 },
      resources: { requests: { memory: '8Mi', cpu: '10m' }, limits: { memory: '64Mi', cpu: '500m' } },
    },
  ],
};

const api = await startTestApiServer();
const client = createClient(api.transport);
const rootDir = await mkdtemp(join(tmpdir(), 'kubelet-docker-'));
let node1 = await startKubelet(client, rootDir);
const names = Array.from({ length: pods }, (_, index) => `web-${index}`);
const get = (name: string) => client.resource(Pod).find({ namespace, name });
const isReady = async (name: string) => findCondition((await get(name))?.status?.conditions, 'Ready')?.status === 'True';
const webOf = async (name: string) => (await get(name))?.status?.containerStatuses?.[0];
try {
  await client.resource(ConfigMap).create({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'settings', namespace },
    data: { words: 'hello from a ConfigMap\n' },
  });
  for (const name of names) {
    await client.resource(Pod).create({ apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace }, spec });
  }
  await until(`${pods} pods ready`, async () => (await Promise.all(names.map(isReady))).every(Boolean));

  const name = names[0] ?? '';
  const of = { namespace, pod: name, container: 'web' };
  const pod = await get(name);
  assert.equal(await (await fetch(`http://${pod?.status?.podIP}:8080/`)).text(), 'hello from a ConfigMap\n');
  assert.equal(await text(await node1.kubelet.api.logs(of)), 'serving for the lab\n');
  const session = await node1.kubelet.api.exec(of, ['sh', '-c', 'cat; exit 4'], { stdin: true, tty: false });
  session.stdin?.end('typed');
  session.stderr?.resume();
  assert.deepEqual([await text(session.stdout), await session.exitCode], ['typed', 4]);
  const forwarded = await node1.kubelet.api.portForward({ namespace, pod: name }, 8080);
  forwarded.write('GET / HTTP/1.0\r\n\r\n');
  assert.match(await text(forwarded), /hello from a ConfigMap/);

  const before = await webOf(name);
  await node1.stop();
  node1 = await startKubelet(client, rootDir);
  await until('a new kubelet has them ready', async () => (await Promise.all(names.map(isReady))).every(Boolean));
  assert.equal((await webOf(name))?.containerID, before?.containerID);

  await node1.runtime.stopContainer(before?.containerID?.split('//')[1] ?? '', 0);
  await until('restarted after a crash', async () => (await webOf(name))?.restartCount === 1 && (await isReady(name)));
  assert.equal((await webOf(name))?.lastState?.terminated?.exitCode, 137);

  for (const each of names) await client.resource(Pod).delete({ namespace, name: each });
  await until(`${pods} pods gone`, async () => (await Promise.all(names.map(get))).every((found) => found === undefined));
  await until('nothing left in the engine', async () => (await node1.runtime.listSandboxes()).length === 0);
  process.stdout.write('all is well\n');
} catch (error) {
  for (const { reason, message, involvedObject } of (await client.resource(Event).list({ namespace })).items) {
    process.stdout.write(`${involvedObject.name} ${reason}: ${message}\n`);
  }
  process.stdout.write(`${JSON.stringify((await get(names[0] ?? ''))?.status, undefined, 1)}\n`);
  throw error;
} finally {
  await node1.stop();
  await api.close();
  await rm(rootDir, { recursive: true, force: true });
}
