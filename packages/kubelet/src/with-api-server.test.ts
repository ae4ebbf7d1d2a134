import 'reflect-metadata';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { CLOCK, LOGGER, silentLogger, SystemClock } from '@keelson/base';
import { findCondition } from '@keelson/api';
import { Event, Node, Pod } from '@keelson/api/core/v1';
import { startTestApiServer, type TestApiServer } from '@keelson/api-server/testing';
import { CLIENT, createClient, type Client } from '@keelson/client';
import { INFORMERS } from '@keelson/controller-runtime';
import { controllerRuntimeModule } from '@keelson/controller-runtime/module';
import { CONTAINER_RUNTIME, SimulatedRuntime } from '@keelson/runtime';
import { Container } from 'inversify';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Kubelet } from './kubelet.ts';
import { KUBELET, kubeletModule } from './module.ts';

describe('Kubelet with an API server and the simulated runtime', () => {
  let api: TestApiServer;
  let client: Client;
  let kubelet: Kubelet;
  let rootDir: string;
  let stopNode: () => Promise<void>;

  beforeEach(async () => {
    api = await startTestApiServer();
    client = createClient(api.transport);
    rootDir = await mkdtemp(join(tmpdir(), 'kubelet-api-'));
    await startNode();
  });
  afterEach(async () => {
    await stopNode();
    await api.close();
    await rm(rootDir, { recursive: true, force: true });
  });

  /** A kubelet and a runtime as a process has them; what they keep is in `rootDir`. */
  async function startNode(): Promise<void> {
    const clock = new SystemClock();
    const runtime = new SimulatedRuntime({ clock, stateFile: join(rootDir, 'containers') });
    const container = new Container();
    container.bind(CLOCK).toConstantValue(clock);
    container.bind(LOGGER).toConstantValue(silentLogger);
    container.bind(CLIENT).toConstantValue(client);
    container.bind(CONTAINER_RUNTIME).toConstantValue(runtime);
    container.load(controllerRuntimeModule(), kubeletModule({ nodeName: 'n1', rootDir, serving: false }));
    kubelet = container.get(KUBELET);
    const informers = container.get(INFORMERS);
    const signal = AbortSignal.timeout(60_000);
    await informers.start(signal);
    await kubelet.start(signal);
    stopNode = async () => {
      await kubelet.stop();
      await informers.stop();
      await runtime.close();
    };
  }

  const name = { name: 'a', namespace: 'default' };
  const create = (annotations: Record<string, string> = {}, restartPolicy = 'Always') =>
    client.resource(Pod).create({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { ...name, annotations },
      spec: { nodeName: 'n1', restartPolicy, automountServiceAccountToken: false, containers: [{ name: 'web', image: 'web:1' }] },
    });

  it('registers the node and runs a pod, with events that tell so', async () => {
    await create({ 'sim.keelson.dev/web.logs': 'hello' });
    await expect
      .poll(async () => findCondition((await client.resource(Pod).get(name)).status?.conditions, 'Ready')?.status)
      .toBe('True');

    const pod = await client.resource(Pod).get(name);
    expect(pod.status).toMatchObject({ phase: 'Running', qosClass: 'BestEffort', podIP: expect.stringMatching(/^10\.244\./) });
    expect((await client.resource(Node).get({ name: 'n1' })).status?.nodeInfo?.kubeletVersion).toBe('v1.36.0');
    expect(await text(await kubelet.api.logs({ namespace: 'default', pod: 'a', container: 'web' }))).toBe('hello\n');
    const reasons = async () => (await client.resource(Event).list({ namespace: 'default' })).items.map(({ reason }) => reason);
    await expect.poll(reasons).toEqual(expect.arrayContaining(['Created', 'Started']));
  });

  it('ends a deleted pod and takes it out of the API', async () => {
    await create();
    await expect.poll(async () => (await client.resource(Pod).get(name)).status?.phase).toBe('Running');

    await client.resource(Pod).delete(name);

    await expect.poll(() => client.resource(Pod).find(name)).toBeUndefined();
  });

  it('reports what a pod under Never ended with', async () => {
    await create({ 'sim.keelson.dev/web.run-seconds': '0', 'sim.keelson.dev/web.exit-code': '3' }, 'Never');

    await expect.poll(async () => (await client.resource(Pod).get(name)).status?.phase).toBe('Failed');
    expect((await client.resource(Pod).get(name)).status?.containerStatuses?.[0]?.state?.terminated).toMatchObject({
      exitCode: 3,
      reason: 'Error',
    });
  });

  it('probes simulated containers by all ways, and believes what their script says', async () => {
    const annotations = {
      'sim.keelson.dev/web.healthy-after-seconds': '1',
      'sim.keelson.dev/web.unhealthy-after-seconds': '3600',
    };
    const ways = [
      { httpGet: { port: 80 } },
      { grpc: { port: 81 } },
      { exec: { command: ['check'] } },
      { tcpSocket: { port: 82 } },
    ];
    for (const [at, way] of ways.entries()) {
      const container = { name: 'web', image: 'web:1', readinessProbe: { ...way, periodSeconds: 1 } };
      await client.resource(Pod).create({
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: `p${at}`, namespace: 'default', annotations },
        spec: { nodeName: 'n1', automountServiceAccountToken: false, containers: [container] },
      });
    }
    const ready = async (at: number) => {
      const pod = await client.resource(Pod).get({ name: `p${at}`, namespace: 'default' });
      return findCondition(pod.status?.conditions, 'Ready')?.status;
    };

    for (const at of ways.keys()) await expect.poll(() => ready(at)).toBe('True');

    const events = await client.resource(Event).list({ namespace: 'default' });
    const told = events.items.flatMap(({ message, reason }) => (reason === 'Unhealthy' ? [message ?? ''] : []));
    expect(told).toEqual(expect.arrayContaining(['Readiness probe failed: HTTP probe failed with statuscode: 503']));
  });

  it('talks with a container that is attached to, whose end is its own', async () => {
    const shell = { name: 'web', image: 'web:1', command: ['sh'], stdin: true, stdinOnce: true };
    await client.resource(Pod).create({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: name,
      spec: { nodeName: 'n1', restartPolicy: 'Never', automountServiceAccountToken: false, containers: [shell] },
    });
    await expect.poll(() => kubelet.api.runningPods().length).toBe(1);

    const session = await kubelet.api.attach({ namespace: 'default', pod: 'a', container: 'web' }, { stdin: true, tty: false });
    session.stdin?.end('echo hi; exit 3\n');

    expect(await text(session.stdout)).toBe('hi\n');
    expect(await session.exitCode).toBe(0);
    await expect.poll(async () => (await client.resource(Pod).get(name)).status?.phase).toBe('Failed');
    const [status] = (await client.resource(Pod).get(name)).status?.containerStatuses ?? [];
    expect(status?.state?.terminated?.exitCode).toBe(3);
  });

  it('takes up its pods when all of the node comes back, and writes nothing about them', async () => {
    await create();
    await expect.poll(async () => (await client.resource(Pod).get(name)).status?.phase).toBe('Running');
    await expect.poll(() => kubelet.api.runningPods().length).toBe(1);
    await stopNode();
    const before = await client.resource(Pod).get(name);

    await startNode();
    const { metadata, status, ...pod } = before;
    await client.resource(Pod).create({ ...pod, metadata: { name: 'b', namespace: metadata?.namespace } });
    await expect.poll(() => kubelet.api.runningPods().length).toBe(2);

    expect(status?.phase).toBe('Running');
    expect(await client.resource(Pod).get(name)).toEqual(before);
  });
});
