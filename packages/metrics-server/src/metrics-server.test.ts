import { silentLogger } from '@keelson/base';
import { ManualClock } from '@keelson/base/testing';
import { APIService } from '@keelson/api/apiregistration/v1';
import { Node, Pod } from '@keelson/api/core/v1';
import { NodeMetrics, PodMetrics } from '@keelson/api/metrics/v1beta1';
import { startTestApiServer, type TestApiServer } from '@keelson/api-server/testing';
import { createClient, type Client } from '@keelson/client';
import { InformerFactory } from '@keelson/controller-runtime';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { announceMetrics } from './announce.ts';
import { MetricsServer } from './metrics-server.ts';

describe('MetricsServer', () => {
  let api: TestApiServer;
  let client: Client;
  let clock: ManualClock;
  let informers: InformerFactory;
  let server: MetricsServer;
  /** How often each node was asked. */
  let asked: Record<string, number>;
  let mostAtOnce: number;
  let atOnce: number;
  /** What a node answers instead. */
  let answers: Record<string, () => Promise<string>>;

  beforeEach(async () => {
    [asked, answers, mostAtOnce, atOnce] = [{}, {}, 0, 0];
    clock = new ManualClock();
    api = await startTestApiServer({ http: true });
    client = createClient(api.transport);
    informers = new InformerFactory({ client, clock, logger: silentLogger });
    const dependencies = { nodes: informers.for(Node), pods: informers.for(Pod), source, clock, logger: silentLogger };
    server = new MetricsServer(dependencies, { concurrency: 2 });
    api.server.extend({ virtualResources: server.resources });
    await informers.start(new AbortController().signal);
    await server.start(new AbortController().signal);
  });
  afterEach(async () => {
    await server.stop();
    await informers.stop();
    await api.close();
  });

  async function source({ metadata }: Node): Promise<string> {
    const name = metadata?.name ?? '';
    asked[name] = (asked[name] ?? 0) + 1;
    atOnce += 1;
    mostAtOnce = Math.max(mostAtOnce, atOnce);
    try {
      return await (answers[name] ?? usual)();
    } finally {
      atOnce -= 1;
    }
  }

  /** Half a core and a quarter, since the machine was started at 0. */
  async function usual(): Promise<string> {
    const seconds = clock.now() / 1000;
    const labels = '{container="web",namespace="default",pod="a"}';
    return [
      `node_cpu_usage_seconds_total ${seconds / 2} ${clock.now()}`,
      `node_memory_working_set_bytes 1048576 ${clock.now()}`,
      `container_cpu_usage_seconds_total${labels} ${seconds / 4} ${clock.now()}`,
      `container_memory_working_set_bytes${labels} 4096 ${clock.now()}`,
    ].join('\n');
  }

  const addNode = (name: string, labels: Record<string, string> = {}) =>
    client.resource(Node).create({ metadata: { name, labels } });
  const addPod = (name: string, labels: Record<string, string>) =>
    client.resource(Pod).create({
      metadata: { name, namespace: 'default', labels },
      spec: { nodeName: 'n1', containers: [{ name: 'web', image: 'web' }] },
    });
  const pods = () => client.resource(PodMetrics);

  async function bothReadings(): Promise<void> {
    await expect.poll(() => asked['n1']).toBe(1);
    await clock.advance(5000);
    await expect.poll(() => asked['n1']).toBe(2);
    await clock.advance(0);
  }

  it('tells what a node and its pods use once it was asked twice', async () => {
    await addPod('a', { app: 'a' });
    await addNode('n1', { zone: 'z' });
    await expect.poll(() => asked['n1']).toBe(1);
    expect((await client.resource(NodeMetrics).list()).items).toEqual([]);
    await expect(client.resource(NodeMetrics).get({ name: 'n1' })).rejects.toMatchObject({
      reason: 'NotFound',
      message: 'nodemetrics.metrics.k8s.io "n1" not found',
    });

    await bothReadings();

    expect(await client.resource(NodeMetrics).get({ name: 'n1' })).toMatchObject({
      kind: 'NodeMetrics',
      apiVersion: 'metrics.k8s.io/v1beta1',
      metadata: { name: 'n1', labels: { zone: 'z' } },
      window: '5s',
      usage: { cpu: '500m', memory: '1Mi' },
    });
    expect(await pods().list({ namespace: 'default' })).toMatchObject({
      items: [
        { metadata: { name: 'a', namespace: 'default' }, containers: [{ name: 'web', usage: { cpu: '250m', memory: '4Ki' } }] },
      ],
    });
  });

  it('takes selectors, and leaves out pods that nothing is known of', async () => {
    await Promise.all([addPod('a', { app: 'a' }), addPod('unknown', { app: 'a' })]);
    await addNode('n1');
    await bothReadings();
    const names = async (query: object) => (await pods().list(query)).items.map(({ metadata }) => metadata?.name);

    await expect(pods().get({ name: 'unknown', namespace: 'default' })).rejects.toMatchObject({
      message: 'podmetrics.metrics.k8s.io "default/unknown" not found',
    });
    expect(await names({})).toEqual(['a']);
    expect(await names({ labelSelector: 'app=a' })).toEqual(['a']);
    expect(await names({ labelSelector: 'app!=a' })).toEqual([]);
    expect(await names({ fieldSelector: 'metadata.name=b' })).toEqual([]);
    expect(await names({ namespace: 'other' })).toEqual([]);
    await expect(names({ fieldSelector: 'spec.x=b' })).rejects.toMatchObject({ reason: 'BadRequest' });
  });

  it('is found by discovery, as an API of its own that is available', async () => {
    await announceMetrics(client);
    await announceMetrics(client);

    const get = async (path: string) => (await fetch(`${api.url}${path}`)).json();
    expect(await get('/apis/metrics.k8s.io')).toMatchObject({ preferredVersion: { groupVersion: 'metrics.k8s.io/v1beta1' } });
    expect(await get('/apis/metrics.k8s.io/v1beta1')).toMatchObject({
      resources: [
        { name: 'nodes', kind: 'NodeMetrics', namespaced: false, singularName: '', verbs: ['get', 'list'] },
        { name: 'pods', kind: 'PodMetrics', namespaced: true, singularName: '', verbs: ['get', 'list'] },
      ],
    });
    expect((await client.resource(APIService).get({ name: 'v1beta1.metrics.k8s.io' })).status?.conditions).toMatchObject([
      { type: 'Available', status: 'True', reason: 'Local' },
    ]);
    expect(await get('/openapi/v3/apis/metrics.k8s.io/v1beta1')).toMatchObject({
      components: { schemas: { 'io.k8s.metrics.v1beta1.PodMetrics': { type: 'object' } } },
    });
  });

  it('is shown as a Table with sums of what containers use', async () => {
    await addPod('a', {});
    await addNode('n1');
    await bothReadings();
    const accept = 'application/json;as=Table;v=v1;g=meta.k8s.io';

    const table = async (path: string) => {
      const answer = await fetch(`${api.url}/apis/metrics.k8s.io/v1beta1/${path}`, { headers: { accept } });
      return (await answer.json()) as { columnDefinitions: { name: string }[]; rows: { cells: unknown[] }[] };
    };

    const { columnDefinitions, rows } = await table('pods');
    expect(columnDefinitions.map(({ name }) => name)).toEqual(['Name', 'cpu', 'memory', 'Window']);
    expect(rows.map(({ cells }) => cells)).toEqual([['a', '250m', '4Ki', '5s']]);
    expect((await table('nodes/n1')).rows.map(({ cells }) => cells)).toEqual([['n1', '500m', '1Mi', '5s']]);
  });

  it('cannot be written or watched', async () => {
    await expect(client.resource(NodeMetrics).delete({ name: 'n1' })).rejects.toMatchObject({ reason: 'MethodNotAllowed' });
    const watched = await fetch(`${api.url}/apis/metrics.k8s.io/v1beta1/nodes?watch=true`);
    expect(watched.status).toBe(405);
  });

  it('asks each node once a round, two at a time', async () => {
    const names = ['n1', 'n2', 'n3', 'n4', 'n5'];
    await Promise.all(names.map((name) => addNode(name)));
    await expect.poll(() => Object.keys(asked).length).toBe(5);
    await clock.advance(5000);
    await expect.poll(() => Object.values(asked)).toEqual([2, 2, 2, 2, 2]);

    await clock.advance(14_999);
    expect(Object.values(asked)).toEqual([2, 2, 2, 2, 2]);
    await clock.advance(1);
    await expect.poll(() => Object.values(asked)).toEqual([3, 3, 3, 3, 3]);
    expect(mostAtOnce).toBe(2);
  });

  it('gives up a kubelet that does not answer, forgets what it had told, and goes on asking the others', async () => {
    await addNode('n1');
    await addNode('n2');
    await bothReadings();
    const names = async () => (await client.resource(NodeMetrics).list()).items.map(({ metadata }) => metadata?.name);
    expect(await names()).toEqual(['n1', 'n2']);

    answers['n1'] = () => new Promise(() => undefined);
    await clock.advance(15_000);
    await expect.poll(() => asked['n1']).toBe(3);
    await clock.advance(10_000);
    await expect.poll(names).toEqual(['n2']);

    delete answers['n1'];
    for (let second = 0; second < 12; second += 1) await clock.advance(1000);
    await expect.poll(names).toEqual(['n1', 'n2']);
  });

  it('forgets a node that is gone', async () => {
    await addNode('n1');
    await bothReadings();

    await client.resource(Node).delete({ name: 'n1' });
    await expect.poll(async () => (await client.resource(NodeMetrics).list()).items).toEqual([]);
    for (let round = 0; round < 4; round += 1) await clock.advance(15_000);
    expect(asked['n1']).toBe(2);
  });
});
