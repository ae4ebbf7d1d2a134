import { nameOf, uidOf } from '@keelson/api';
import { ReplicaSet } from '@keelson/api/apps/v1';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { templateOf, WorkloadWorld } from '../pod-control/testing/workload-world.ts';
import { replicaSetController } from './replicaset-controller.ts';

function replicaSet(name: string, replicas: number, spec: Partial<ReplicaSet['spec']> = {}): ReplicaSet {
  const template = templateOf(name);
  return { metadata: { name }, spec: { replicas, selector: { matchLabels: { app: name } }, template, ...spec } };
}

describe('replicaSetController', () => {
  let world: WorkloadWorld;

  beforeEach(async () => {
    world = await WorkloadWorld.start(replicaSetController);
  });

  afterEach(async () => {
    await world[Symbol.asyncDispose]();
  });

  it('creates the pods that are missing, as the template says, and reports them', async () => {
    const set = await world.create(ReplicaSet, replicaSet('web', 3));
    const pods = await world.whenPods(3);
    const { status } = await world.when(ReplicaSet, 'web', (each) => each.status?.replicas === 3);

    expect(pods.every((pod) => /^web-[a-z0-9]{5}$/.test(nameOf(pod)))).toBe(true);
    expect(pods[0]?.metadata).toMatchObject({
      generateName: 'web-',
      labels: { app: 'web' },
      ownerReferences: [
        { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web', uid: uidOf(set), controller: true, blockOwnerDeletion: true },
      ],
    });
    expect(status).toEqual({ replicas: 3, fullyLabeledReplicas: 3, terminatingReplicas: 0, observedGeneration: 1 });
    expect(await world.messages('SuccessfulCreate')).toEqual(pods.map((pod) => `Created pod: ${nameOf(pod)}`).toSorted());
  });

  it('counts pods as available when they have been ready for minReadySeconds', async () => {
    await world.create(ReplicaSet, replicaSet('web', 2, { minReadySeconds: 30 }));
    await world.makeReady(await world.whenPods(2));
    const { status: early } = await world.when(ReplicaSet, 'web', (each) => each.status?.readyReplicas === 2);
    await world.clock.advance(30_000);
    const { status: late } = await world.when(ReplicaSet, 'web', (each) => each.status?.availableReplicas === 2);

    expect(early?.availableReplicas).toBeUndefined();
    expect(late).toMatchObject({ replicas: 2, readyReplicas: 2, availableReplicas: 2 });
  });

  it('deletes pods that are too many', async () => {
    await world.create(ReplicaSet, replicaSet('web', 3));
    const pods = await world.whenPods(3);
    await world.makeReady(pods.slice(0, 2));
    await world.patch(ReplicaSet, 'web', { spec: { replicas: 2 } });
    const left = await world.whenPods(2);

    expect(left.map(nameOf)).toEqual(pods.slice(0, 2).map(nameOf));
    expect(await world.messages('SuccessfulDelete')).toEqual([`Deleted pod: ${nameOf(pods[2] ?? {})}`]);
  });
});
