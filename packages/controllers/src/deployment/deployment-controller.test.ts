import { findCondition, nameOf } from '@keelson/api';
import { Deployment, ReplicaSet, type DeploymentSpec } from '@keelson/api/apps/v1';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isActive, templateOf, WorkloadWorld } from '../pod-control/testing/workload-world.ts';
import { replicaSetController } from '../replicaset/replicaset-controller.ts';
import { deploymentController } from './deployment-controller.ts';

const REVISION = 'deployment.kubernetes.io/revision';

function deployment(name: string, spec: Partial<DeploymentSpec> = {}): Deployment {
  const selector = { matchLabels: { app: name } };
  return { metadata: { name }, spec: { replicas: 3, selector, template: templateOf(name), ...spec } };
}

function image(tag: string): unknown {
  return { spec: { template: { spec: { containers: [{ name: 'c', image: `nginx:${tag}` }] } } } };
}

describe('deploymentController', () => {
  let world: WorkloadWorld;

  beforeEach(async () => {
    world = await WorkloadWorld.start(deploymentController, replicaSetController);
  });

  afterEach(async () => {
    await world[Symbol.asyncDispose]();
  });

  /** Makes pods ready, and ends those that are terminating, until the rollout is complete. */
  async function rollOut(name: string): Promise<Deployment> {
    return world
      .when(Deployment, name, () => true)
      .then(async () => {
        for (let turn = 0; turn < 100; turn += 1) {
          await world.clock.advance(10);
          await world.settle();
          await world.end();
          await world.makeReady((await world.pods()).filter((pod) => isActive(pod) && pod.status?.phase === 'Pending'));
          await world.settle();
          const found = await world.get(Deployment, name);
          if (isRolledOut(found)) return found;
        }
        throw new Error(`not rolled out: ${JSON.stringify(await world.get(Deployment, name))}`);
      });
  }

  function isRolledOut({ metadata, spec, status }: Deployment): boolean {
    const counts = [status?.replicas, status?.updatedReplicas, status?.availableReplicas];
    const isSeen = (status?.observedGeneration ?? 0) >= (metadata?.generation ?? 0);
    return isSeen && counts.every((count) => (count ?? 0) === spec?.replicas);
  }

  it('makes a ReplicaSet for its template, and says when its pods are available', async () => {
    await world.create(Deployment, deployment('web'));
    const begun = await world.when(Deployment, 'web', ({ status }) => status?.replicas === 3);
    const done = await rollOut('web');
    const [set] = await world.replicaSets();

    expect(begun.status).toMatchObject({ observedGeneration: 1, replicas: 3, updatedReplicas: 3, unavailableReplicas: 3 });
    expect(set?.metadata?.labels).toMatchObject({ app: 'web', 'pod-template-hash': expect.stringMatching(/^[a-z0-9]+$/) });
    expect(set?.metadata?.annotations).toEqual({
      [REVISION]: '1',
      'deployment.kubernetes.io/desired-replicas': '3',
      'deployment.kubernetes.io/max-replicas': '4',
    });
    expect(done.metadata).toMatchObject({ generation: 1, annotations: { [REVISION]: '1' } });
    expect(done.status).toMatchObject({
      observedGeneration: 1,
      replicas: 3,
      updatedReplicas: 3,
      readyReplicas: 3,
      availableReplicas: 3,
      terminatingReplicas: 0,
    });
    expect(findCondition(done.status?.conditions, 'Available')).toMatchObject({
      status: 'True',
      reason: 'MinimumReplicasAvailable',
      message: 'Deployment has minimum availability.',
    });
    expect(findCondition(done.status?.conditions, 'Progressing')).toMatchObject({
      status: 'True',
      reason: 'NewReplicaSetAvailable',
      message: `ReplicaSet "${nameOf(set ?? {})}" has successfully progressed.`,
    });
    expect(await world.messages('ScalingReplicaSet')).toEqual([`Scaled up replica set ${nameOf(set ?? {})} from 0 to 3`]);
  });

  it('rolls from one template to the next, never with too few or too many pods', async () => {
    await world.create(Deployment, deployment('web'));
    await rollOut('web');
    await world.patch(Deployment, 'web', image('2'));
    const done = await rollOut('web');
    const sets = await world.replicaSets();

    expect(sets.map(({ spec }) => spec?.replicas)).toEqual([0, 3]);
    expect(sets.map(({ metadata }) => metadata?.annotations?.[REVISION])).toEqual(['1', '2']);
    expect(done.metadata?.annotations?.[REVISION]).toBe('2');
    expect((await world.client.resource(ReplicaSet).list()).items).toHaveLength(2);
  });
});
