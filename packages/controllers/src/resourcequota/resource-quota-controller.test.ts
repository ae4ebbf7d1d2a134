import { nameOf } from '@keelson/api';
import { ConfigMap, Pod, ResourceQuota, Service, type ResourceQuotaSpec } from '@keelson/api/core/v1';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { templateOf, WorkloadWorld } from '../pod-control/testing/workload-world.ts';
import { serveWidgets, Widget } from '../testing/widgets.ts';
import { resourceQuotaController } from './resource-quota-controller.ts';

describe('resourceQuotaController', () => {
  let world: WorkloadWorld;

  beforeEach(async () => {
    world = await WorkloadWorld.start(resourceQuotaController);
  });

  afterEach(() => world[Symbol.asyncDispose]());

  async function quota(name: string, spec: ResourceQuotaSpec): Promise<void> {
    await world.create(ResourceQuota, { metadata: { name }, spec });
    await settle();
  }

  async function settle(ms = 1_200): Promise<void> {
    await world.settle();
    await world.clock.advance(ms);
    await world.settle();
  }

  const status = async (name: string): Promise<ResourceQuota['status']> => (await world.get(ResourceQuota, name)).status;
  const makePod = (name: string): Promise<Pod> => world.create(Pod, { ...templateOf('web'), metadata: { name } });

  it('counts what is there when a quota comes, and takes over its limits', async () => {
    await makePod('a');
    await world.create(Service, { metadata: { name: 'web' }, spec: { type: 'NodePort', ports: [{ port: 80 }] } });
    await quota('all', { hard: { pods: '5', 'services.nodeports': '3', 'requests.storage': '1Gi', configmaps: '9' } });

    expect(await status('all')).toEqual({
      hard: { pods: '5', 'services.nodeports': '3', 'requests.storage': '1Gi', configmaps: '9' },
      used: { pods: '1', 'services.nodeports': '1', 'requests.storage': '0', configmaps: '0' },
    });
  });

  it('gives back what a pod had when it is gone, or has ended', async () => {
    await quota('pods', { hard: { pods: '5', 'count/pods': '5' } });
    for (const name of ['a', 'b', 'c']) await makePod(name);
    const before = (await status('pods'))?.used;
    await world.client.resource(Pod).delete({ name: 'a', namespace: 'default' });
    await world.setStatus(await world.get(Pod, 'b'), { phase: 'Succeeded' });
    await settle();
    await settle();

    expect(before).toEqual({ pods: '3', 'count/pods': '3' });
    expect((await status('pods'))?.used).toEqual({ pods: '1', 'count/pods': '2' });
  });

  it('follows a quota that is changed', async () => {
    await makePod('a');
    await quota('changing', { hard: { pods: '5', services: '2' } });
    await world.patch(ResourceQuota, 'changing', { spec: { hard: { services: null, secrets: '1' } } });
    await settle();

    expect(await status('changing')).toEqual({ hard: { pods: '5', secrets: '1' }, used: { pods: '1', secrets: '0' } });
  });

  it('only counts objects in the scopes', async () => {
    await makePod('a');
    await world.create(Pod, {
      metadata: { name: 'b' },
      spec: { containers: [{ name: 'c', image: 'i' }], activeDeadlineSeconds: 60 },
    });
    await quota('ending', { hard: { pods: '5' }, scopes: ['Terminating'] });

    expect((await status('ending'))?.used).toEqual({ pods: '1' });
  });

  it('counts objects of kinds that are not built in', async () => {
    using _widgets = serveWidgets(world.world.api);
    await world.create(Widget, { metadata: { name: 'first' } });
    await quota('widgets', { hard: { 'count/widgets.example.com': '5', 'count/gadgets.example.com': '5' } });
    const before = (await status('widgets'))?.used;
    await world.client.resource(Widget).delete({ name: 'first', namespace: 'default' });
    await settle();
    await settle();

    expect(before).toEqual({ 'count/widgets.example.com': '1' });
    expect((await status('widgets'))?.used).toEqual({ 'count/widgets.example.com': '0' });
  });

  it('does not take back what was charged a moment ago for something that its cache does not show', async () => {
    await quota('pods', { hard: { pods: '2' } });
    await makePod('old');
    await settle();
    world.transport.hold('pods');
    await makePod('new');
    world.transport.release();
    await world.client.resource(Pod).delete({ name: 'old', namespace: 'default' });
    world.transport.hold('pods');
    await world.settle();
    const early = (await status('pods'))?.used;
    world.transport.release();
    await settle();
    await settle();

    expect(early).toEqual({ pods: '2' });
    expect((await status('pods'))?.used).toEqual({ pods: '1' });
  });

  it('finds in time what a failed creation has left charged', async () => {
    await quota('maps', { hard: { 'count/configmaps': '5' } });
    await world.client
      .resource(ResourceQuota)
      .patchStatus({ name: 'maps', namespace: 'default' }, 'merge', { status: { used: { 'count/configmaps': '4' } } });
    await settle(310_000);
    await settle();

    expect((await status('maps'))?.used).toEqual({ 'count/configmaps': '0' });
  });

  it('has never more than there is room for, while pods come and go', async () => {
    await quota('three', { hard: { pods: '3', 'count/configmaps': '1' } });
    const most: number[] = [];
    for (let turn = 0; turn < 30; turn += 1) {
      await Promise.allSettled([
        makePod(`a-${turn}`),
        makePod(`b-${turn}`),
        world.create(ConfigMap, { metadata: { name: `m-${turn}` } }),
      ]);
      const pods = await world.pods();
      most.push(pods.length);
      const [oldest] = pods;
      if (turn % 2 === 0 && oldest) await world.client.resource(Pod).delete({ name: nameOf(oldest), namespace: 'default' });
      await settle(turn % 3 === 0 ? 1_500 : 100);
    }
    await settle();
    await settle(310_000);
    await settle();

    expect(Math.max(...most)).toBe(3);
    expect((await status('three'))?.used).toEqual({ pods: String((await world.pods()).length), 'count/configmaps': '1' });
  });

  it('writes nothing when there is nothing to do', async () => {
    await quota('pods', { hard: { pods: '2' } });
    await makePod('a');
    await settle();
    const before = world.world.writes.length;
    await settle(3_600_000);

    expect(world.world.writes.slice(before)).toEqual([]);
  });
});
