import { describe, expect, it } from 'vitest';
import { findCondition } from '@keelson/api';
import { Node } from '@keelson/api/core/v1';
import { World } from './testing/world.ts';

const NOT_READY = { ready: false, reason: 'NetworkPluginNotReady', message: 'cni plugin not initialized' } as const;
const WORDS =
  'container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:Network plugin returns error: cni plugin not initialized';

function ready(world: World) {
  return findCondition(world.client.read(Node, { name: 'n1' })?.status?.conditions, 'Ready');
}

describe('Kubelet: a network that is not ready', () => {
  it('holds back pods that need it, and no others, and says so on the node, until it is ready', async () => {
    await using world = await World.start();
    await world.until(() => ready(world)?.status === 'True');
    world.runtime.network = NOT_READY;
    world.runtime.resync();
    await world.until(() => ready(world)?.status === 'False');

    world.createPod('own');
    world.createPod('host', { hostNetwork: true });
    await world.until(() => world.reasons('Pod').includes('NetworkNotReady'));
    await world.until(() => world.pod('host')?.status?.phase === 'Running');
    expect(ready(world)).toMatchObject({ reason: 'KubeletNotReady', message: WORDS });
    expect(world.pod('own')?.status?.phase).toBe('Pending');
    expect(world.events.find(({ reason }) => reason === 'NetworkNotReady')).toMatchObject({
      message: `network is not ready: ${WORDS}`,
    });

    world.runtime.network = { ready: true };
    await world.advanceUntil(() => world.pod('own')?.status?.phase === 'Running');
    expect(ready(world)).toMatchObject({ status: 'True' });
  });
});

describe('Kubelet: a guard of the network', () => {
  it('is asked with the addresses of a pod before anything runs in it, and again until it says yes', async () => {
    await using world = await World.start();
    const asked: (string | undefined)[] = [];
    const isOpen = Promise.withResolvers<void>();
    let isRefused = true;
    world.admit = async ({ metadata }, addresses) => {
      asked.push(`${metadata?.name} ${addresses.length}`);
      if (isRefused) throw new Error('no rules');
      await isOpen.promise;
    };

    world.createPod('own');
    world.createPod('host', { hostNetwork: true });
    await world.until(() => world.pod('host')?.status?.phase === 'Running');
    await world.until(() => world.reasons('Pod').includes('FailedCreatePodSandBox'));
    isRefused = false;
    const before = asked.length;
    await world.advanceUntil(() => asked.length > before);
    expect((await world.runtime.listContainers()).map(({ name }) => name)).toHaveLength(1);
    expect(world.pod('own')?.status?.phase).toBe('Pending');
    isOpen.resolve();

    await world.until(() => world.pod('own')?.status?.phase === 'Running');
    expect(new Set(asked)).toEqual(new Set(['own 1']));
    expect(world.events.find(({ reason }) => reason === 'FailedCreatePodSandBox')?.message).toBe(
      'Failed to create pod sandbox: its network cannot be used yet: no rules',
    );
  });
});

describe('Kubelet: pod CIDRs', () => {
  it('tells the runtime the range that the node was started with', async () => {
    await using world = await World.start({ podCidr: '10.244.3.0/24' });

    await world.until(() => world.runtime.podCidrs.length > 0);

    expect(world.runtime.podCidrs).toEqual(['10.244.3.0/24']);
  });

  it('waits for one that the node is given later', async () => {
    await using world = await World.start();
    await world.until(() => ready(world)?.status === 'True');
    const node = world.client.read(Node, { name: 'n1' });
    await world.client
      .resource(Node)
      .patch({ name: 'n1' }, 'merge', { spec: { podCIDR: '10.244.7.0/24', podCIDRs: ['10.244.7.0/24', 'fd00:7::/64'] } });

    await world.advanceUntil(() => world.runtime.podCidrs.length > 0);

    expect(node?.spec?.podCIDR).toBeUndefined();
    expect(world.runtime.podCidrs).toEqual(['10.244.7.0/24', 'fd00:7::/64']);
  });

  it('looks soon for what a new node is given, and is ready with it', async () => {
    await using world = await World.start();
    await world.until(() => ready(world)?.status === 'True');
    await world.kubelet.stop();
    world.runtime.network = NOT_READY;
    await world.client.resource(Node).delete({ name: 'n1' });
    await world.restart();
    await world.until(() => ready(world)?.status === 'False');

    world.runtime.network = { ready: true };
    await world.client.resource(Node).patch({ name: 'n1' }, 'merge', { spec: { podCIDR: '10.244.8.0/24' } });
    // Less than half of the time until the next heartbeat.
    await world.advanceUntil(() => ready(world)?.status === 'True', 500, 8);

    expect(world.runtime.podCidrs).toEqual(['10.244.8.0/24']);
  });

  it('goes by what the API says, and tells it again when the runtime could not be told', async () => {
    await using world = await World.start();
    await world.until(() => ready(world)?.status === 'True');
    world.runtime.down = true;
    await world.client.resource(Node).patch({ name: 'n1' }, 'merge', { spec: { podCIDR: '10.244.9.0/24' } });
    await world.advance(30_000);

    world.runtime.down = false;
    await world.advanceUntil(() => world.runtime.podCidrs.length > 0);

    expect(world.runtime.podCidrs).toEqual(['10.244.9.0/24']);
  });
});
