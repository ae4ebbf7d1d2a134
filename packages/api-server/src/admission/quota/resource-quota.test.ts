import { ConfigMap, Pod, ResourceQuota, Service, type PodSpec, type ResourceQuotaSpec } from '@keelson/api/core/v1';
import { KeelsonError } from '@keelson/base';
import { createClient, type Client } from '@keelson/client';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startTestApiServer, type TestApiServer } from '../../testing.ts';

const NAMESPACE = 'default';

describe('ResourceQuota', () => {
  let api: TestApiServer;
  let client: Client;
  let refused: (name: string) => boolean;

  beforeEach(async () => {
    refused = () => false;
    const validators = [
      {
        name: 'test',
        validate: async ({ name }: { name: string }) => {
          if (refused(name)) throw new KeelsonError('Forbidden', 'not today');
        },
      },
    ];
    api = await startTestApiServer({ validators });
    client = createClient(api.transport);
  });

  afterEach(() => api.close());

  /** A quota that somebody has counted already. */
  async function quota(name: string, spec: ResourceQuotaSpec, used?: Record<string, string>): Promise<void> {
    const quotas = client.resource(ResourceQuota);
    await quotas.create({ metadata: { name, namespace: NAMESPACE }, spec });
    const counted = used ?? Object.fromEntries(Object.keys(spec.hard ?? {}).map((each) => [each, '0']));
    await quotas.patchStatus({ name, namespace: NAMESPACE }, 'merge', { status: { hard: spec.hard, used: counted } });
  }

  const used = async (name: string): Promise<unknown> =>
    (await client.resource(ResourceQuota).get({ name, namespace: NAMESPACE })).status?.used;

  async function make(name: string, spec: Partial<PodSpec> = {}, dryRun = false): Promise<string> {
    const pod = { metadata: { name, namespace: NAMESPACE }, spec: { containers: [{ name: 'c', image: 'i' }], ...spec } };
    return client
      .resource(Pod)
      .create(pod, { dryRun })
      .then(
        () => 'created',
        (error: Error) => error.message,
      );
  }

  const asking = (cpu: string): Partial<PodSpec> => ({
    containers: [{ name: 'c', image: 'i', resources: { requests: { cpu }, limits: { cpu } } }],
  });

  it('counts what it lets in, and refuses what it has no room for', async () => {
    await quota('small', { hard: { pods: '2', 'requests.cpu': '1' } });
    const made = [await make('a', asking('600m')), await make('b', asking('600m')), await make('c', asking('400m'))];

    expect(made).toEqual([
      'created',
      'pods "b" is forbidden: exceeded quota: small, requested: requests.cpu=600m, used: requests.cpu=600m, limited: requests.cpu=1',
      'created',
    ]);
    expect(await used('small')).toEqual({ pods: '2', 'requests.cpu': '1' });
    expect(await make('d', asking('1m'))).toBe(
      'pods "d" is forbidden: exceeded quota: small, requested: pods=1,requests.cpu=1m, used: pods=2,requests.cpu=1, limited: pods=2,requests.cpu=1',
    );
  });

  it('wants containers to say what it limits', async () => {
    await quota('compute', { hard: { 'limits.memory': '1Gi', cpu: '4' } });

    expect(await make('a')).toBe('pods "a" is forbidden: failed quota: compute: must specify cpu for: c; limits.memory for: c');
  });

  it('lets nothing in before somebody has counted what is there', async () => {
    await quota('unknown', { hard: { pods: '5' } }, {});

    expect(await make('a')).toBe('pods "a" is forbidden: status unknown for quota: unknown, resources: pods');
  });

  it('does not limit what its status has not taken over', async () => {
    await client
      .resource(ResourceQuota)
      .create({ metadata: { name: 'new', namespace: NAMESPACE }, spec: { hard: { pods: '0' } } });

    expect(await make('a')).toBe('created');
  });

  it('only looks at objects in its scopes', async () => {
    await quota('effortless', { hard: { pods: '1' }, scopes: ['BestEffort'] });
    const made = [await make('a', asking('1')), await make('b'), await make('c'), await make('d', asking('1'))];

    expect(made.map((each) => each.slice(0, 28))).toEqual(
      ['created', 'created', 'pods "c" is forbidden: exceed', 'created'].map((each) => each.slice(0, 28)),
    );
    expect(await used('effortless')).toEqual({ pods: '1' });
  });

  it('has all quotas agree, and charges none if one does not', async () => {
    await quota('wide', { hard: { pods: '10' } });
    await quota('narrow', { hard: { pods: '1' } });
    await make('a');
    const second = await make('b');

    expect(second).toContain('exceeded quota: narrow');
    expect([await used('wide'), await used('narrow')]).toEqual([{ pods: '1' }, { pods: '1' }]);
  });

  it('counts objects of any kind', async () => {
    await quota('objects', { hard: { 'count/configmaps': '1', configmaps: '5' } });
    const maps = client.resource(ConfigMap);
    await maps.create({ metadata: { name: 'a', namespace: NAMESPACE } });

    await expect(maps.create({ metadata: { name: 'b', namespace: NAMESPACE } })).rejects.toThrow(
      'configmaps "b" is forbidden: exceeded quota: objects, requested: count/configmaps=1, used: count/configmaps=1, limited: count/configmaps=1',
    );
    expect(await used('objects')).toEqual({ 'count/configmaps': '1', configmaps: '1' });
  });

  it('charges an update by what it needs more', async () => {
    await quota('services', { hard: { services: '5', 'services.nodeports': '1' } });
    const services = client.resource(Service);
    const ports = [
      { name: 'a', port: 80 },
      { name: 'b', port: 81 },
    ];
    await services.create({ metadata: { name: 'web', namespace: NAMESPACE }, spec: { ports: ports.slice(0, 1) } });
    await services.patch({ name: 'web', namespace: NAMESPACE }, 'merge', { spec: { type: 'NodePort' } });
    const after = await used('services');

    await expect(services.patch({ name: 'web', namespace: NAMESPACE }, 'merge', { spec: { ports } })).rejects.toThrow(
      'exceeded quota: services, requested: services.nodeports=1, used: services.nodeports=1, limited: services.nodeports=1',
    );
    expect(after).toEqual({ services: '1', 'services.nodeports': '1' });
  });

  it('charges nothing for a dry run, for what exists already, and for what others refuse', async () => {
    await quota('small', { hard: { pods: '3' } });
    await make('a');
    refused = (name) => name === 'bad';
    const made = [await make('b', {}, true), await make('a'), await make('bad')];

    expect(made).toEqual(['created', 'pods "a" already exists', 'not today']);
    expect(await used('small')).toEqual({ pods: '1' });
  });

  it('says in a dry run, too, that there is no room', async () => {
    await quota('none', { hard: { pods: '0' } });

    expect(await make('a', {}, true)).toContain('exceeded quota: none');
  });

  it('never lets in too many, however many come at a time, also through a second server', async () => {
    await quota('ten', { hard: { pods: '10' } });
    await quota('more', { hard: { pods: '20' } });
    const other = await startTestApiServer({ store: api.store, namespaces: [] });
    const spec = { containers: [{ name: 'c', image: 'i' }] };
    const pods = Array.from({ length: 20 }, (_, at) => ({ metadata: { name: `pod-${at}`, namespace: NAMESPACE }, spec }));
    const [here, there] = [client.resource(Pod), createClient(other.transport).resource(Pod)];
    const results = await Promise.allSettled(
      pods.flatMap((pod) => [
        here.create(pod),
        there.create({ ...pod, metadata: { ...pod.metadata, name: `${pod.metadata.name}-b` } }),
      ]),
    );
    const { items } = await client.resource(Pod).list({ namespace: NAMESPACE });

    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(items.length);
    expect(items).toHaveLength(10);
    expect([await used('ten'), await used('more')]).toEqual([{ pods: '10' }, { pods: '10' }]);
    await other.server.stop();
  });
});
