import { LimitRange, PersistentVolumeClaim, Pod, type Container, type LimitRangeItem } from '@keelson/api/core/v1';
import { createClient, type Client } from '@keelson/client';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startTestApiServer, type TestApiServer } from '../testing.ts';

describe('LimitRanger', () => {
  let api: TestApiServer;
  let client: Client;

  beforeEach(async () => {
    api = await startTestApiServer();
    client = createClient(api.transport);
  });

  afterEach(() => api.close());

  const limit = (...limits: LimitRangeItem[]): Promise<LimitRange> =>
    client.resource(LimitRange).create({ metadata: { name: 'limits', namespace: 'default' }, spec: { limits } });
  const podOf = (...containers: Container[]): Pod => ({ metadata: { name: 'web', namespace: 'default' }, spec: { containers } });
  const container = (resources: Container['resources'], name = 'c'): Container => ({
    name,
    image: 'i',
    ...(resources && { resources }),
  });
  const refusal = async (pod: Pod): Promise<string> =>
    client
      .resource(Pod)
      .create(pod)
      .then(
        () => 'created',
        (error: Error) => error.message,
      );

  it('gives containers what they do not ask for, and notes that', async () => {
    await limit({ type: 'Container', default: { cpu: '1', memory: '1Gi' }, defaultRequest: { cpu: '100m' } });
    const pod = await client.resource(Pod).create({
      ...podOf(container(undefined), container({ requests: { cpu: '200m' }, limits: { cpu: '2' } }, 'd')),
    });

    expect(pod.spec?.containers.map(({ resources }) => resources)).toEqual([
      { requests: { cpu: '100m', memory: '1Gi' }, limits: { cpu: '1', memory: '1Gi' } },
      { requests: { cpu: '200m', memory: '1Gi' }, limits: { cpu: '2', memory: '1Gi' } },
    ]);
    expect(pod.metadata?.annotations?.['kubernetes.io/limit-ranger']).toBe(
      'LimitRanger plugin set: cpu, memory request for container c; cpu, memory limit for container c; ' +
        'memory request for container d; memory limit for container d',
    );
  });

  it('notes nothing of a pod that says all', async () => {
    await limit({ type: 'Container', default: { cpu: '1' } });
    const pod = await client.resource(Pod).create(podOf(container({ limits: { cpu: '2' } })));

    expect(pod.metadata?.annotations).toBeUndefined();
    expect(pod.spec?.containers[0]?.resources).toEqual({ limits: { cpu: '2' }, requests: { cpu: '2' } });
  });

  it.each<{ item: LimitRangeItem; resources: Container['resources']; want: string }>([
    {
      item: { type: 'Container', min: { cpu: '200m' } },
      resources: { requests: { cpu: '100m' } },
      want: 'pods "web" is forbidden: minimum cpu usage per Container is 200m, but request is 100m',
    },
    {
      item: { type: 'Pod', min: { memory: '1Gi' } },
      resources: {},
      want: 'pods "web" is forbidden: minimum memory usage per Pod is 1Gi.  No request is specified',
    },
    {
      item: { type: 'Container', max: { cpu: '1' } },
      resources: { limits: { cpu: '2' }, requests: { cpu: '1' } },
      want: 'pods "web" is forbidden: maximum cpu usage per Container is 1, but limit is 2',
    },
    {
      item: { type: 'Pod', max: { cpu: '1' } },
      resources: { requests: { cpu: '500m' } },
      want: 'pods "web" is forbidden: maximum cpu usage per Pod is 1.  No limit is specified',
    },
    {
      item: { type: 'Container', max: { cpu: '1' } },
      resources: { limits: { cpu: '2' }, requests: { cpu: '2' } },
      want: 'pods "web" is forbidden: maximum cpu usage per Container is 1, but limit is 2',
    },
    {
      item: { type: 'Container', maxLimitRequestRatio: { cpu: '2' } },
      resources: { limits: { cpu: '3' }, requests: { cpu: '1' } },
      want: 'pods "web" is forbidden: cpu max limit to request ratio per Container is 2, but provided ratio is 3.000000',
    },
    {
      item: { type: 'Container', maxLimitRequestRatio: { cpu: '2' } },
      resources: { requests: { cpu: '1' } },
      want: 'pods "web" is forbidden: cpu max limit to request ratio per Container is 2, but no limit is specified or limit is 0',
    },
    {
      item: { type: 'Container', max: { cpu: '1', memory: '1Gi' } },
      resources: { limits: { cpu: '2', memory: '2Gi' } },
      want: 'pods "web" is forbidden: [maximum cpu usage per Container is 1, but limit is 2, maximum memory usage per Container is 1Gi, but limit is 2Gi]',
    },
    { item: { type: 'Container', max: { cpu: '1' }, min: { cpu: '1m' } }, resources: { limits: { cpu: '1' } }, want: 'created' },
  ])('$want ($item, $resources)', async ({ item, resources, want }) => {
    await limit(item);

    expect(await refusal(podOf(container(resources)))).toBe(want);
  });

  it('adds containers up for a limit of the whole pod', async () => {
    await limit({ type: 'Pod', max: { memory: '1Gi' } });
    const half = { limits: { memory: '600Mi' } };

    expect(await refusal(podOf(container(half), container(half, 'd')))).toBe(
      'pods "web" is forbidden: maximum memory usage per Pod is 1Gi, but limit is 1200Mi',
    );
  });

  it('limits claims, also when they grow', async () => {
    await limit({ type: 'PersistentVolumeClaim', min: { storage: '1Gi' }, max: { storage: '2Gi' } });
    const claimOf = (storage: string): PersistentVolumeClaim => ({
      metadata: { name: `claim-${storage.toLowerCase()}`, namespace: 'default' },
      spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage } } },
    });
    const claims = client.resource(PersistentVolumeClaim);

    await expect(claims.create(claimOf('3Gi'))).rejects.toThrow(
      'persistentvolumeclaims "claim-3gi" is forbidden: maximum storage usage per PersistentVolumeClaim is 2Gi, but request is 3Gi',
    );
    await expect(claims.create(claimOf('1Mi'))).rejects.toThrow('minimum storage usage per PersistentVolumeClaim is 1Gi');
    await expect(claims.create(claimOf('2Gi'))).resolves.toBeDefined();
  });

  it('leaves other namespaces, and pods that are there already, alone', async () => {
    await client.resource(Pod).create(podOf(container(undefined)));
    await limit({ type: 'Container', max: { cpu: '1' } });
    const other = { ...podOf(container(undefined)), metadata: { name: 'web', namespace: 'kube-system' } };

    expect(await refusal(other)).toBe('created');
    await expect(
      client.resource(Pod).patch({ name: 'web', namespace: 'default' }, 'merge', { metadata: { labels: { a: 'b' } } }),
    ).resolves.toBeDefined();
  });
});
