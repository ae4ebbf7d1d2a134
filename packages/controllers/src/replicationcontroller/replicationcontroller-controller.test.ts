import { nameOf, uidOf } from '@keelson/api';
import { ReplicationController } from '@keelson/api/core/v1';
import { ReplicaSet } from '@keelson/api/apps/v1';
import { describe, expect, it } from 'vitest';
import { templateOf, WorkloadWorld } from '../pod-control/testing/workload-world.ts';
import { replicaSetController } from '../replicaset/replicaset-controller.ts';
import { replicationControllerController } from './replicationcontroller-controller.ts';

const controller = (replicas: number): ReplicationController => ({
  metadata: { name: 'web' },
  spec: { replicas, selector: { app: 'web' }, template: templateOf('web') },
});

describe('replicationControllerController', () => {
  it('keeps the pods of a ReplicationController', async () => {
    await using world = await WorkloadWorld.start(replicationControllerController);
    const owner = await world.create(ReplicationController, controller(2));
    const pods = await world.whenPods(2);
    await world.makeReady(pods);
    const { status } = await world.when(ReplicationController, 'web', (each) => each.status?.availableReplicas === 2);
    await world.patch(ReplicationController, 'web', { spec: { replicas: 0 } });
    await world.end(pods);
    await world.when(ReplicationController, 'web', (each) => each.status?.replicas === 0);

    expect(pods[0]?.metadata?.ownerReferences).toEqual([
      {
        apiVersion: 'v1',
        kind: 'ReplicationController',
        name: 'web',
        uid: uidOf(owner),
        controller: true,
        blockOwnerDeletion: true,
      },
    ]);
    expect(status).toEqual({
      replicas: 2,
      fullyLabeledReplicas: 2,
      readyReplicas: 2,
      availableReplicas: 2,
      observedGeneration: 1,
    });
  });

  it('does not take the pods of a ReplicaSet of the same name', async () => {
    await using world = await WorkloadWorld.start(replicationControllerController, replicaSetController);
    const selector = { matchLabels: { app: 'web' } };
    await world.create(ReplicationController, controller(2));
    await world.create(ReplicaSet, { metadata: { name: 'web' }, spec: { replicas: 1, selector, template: templateOf('web') } });
    const pods = await world.whenPods(3);
    await world.settle();

    const owners = pods.map(({ metadata }) => metadata?.ownerReferences?.map(({ kind }) => kind).join());
    expect(owners.toSorted()).toEqual(['ReplicaSet', 'ReplicationController', 'ReplicationController']);
    expect((await world.pods()).map(nameOf)).toEqual(pods.map(nameOf));
  });
});
