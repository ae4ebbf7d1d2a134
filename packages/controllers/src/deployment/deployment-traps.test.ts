import { eventually } from '@keelson/base/testing';
import { controllerReference, findCondition, nameOf } from '@keelson/api';
import { Deployment, ReplicaSet, type DeploymentCondition } from '@keelson/api/apps/v1';
import { Pod } from '@keelson/api/core/v1';
import { KeelsonError } from '@keelson/base';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { templateOf, WorkloadWorld } from '../pod-control/testing/workload-world.ts';
import { deploymentController } from './deployment-controller.ts';
import { deploymentOf, imagePatch, RolloutWorld } from './testing/rollout-world.ts';
import { templateHash } from './template.ts';

function conditionOf({ status }: Deployment, type: string): DeploymentCondition | undefined {
  return findCondition(status?.conditions, type);
}

describe('deploymentController in trouble', () => {
  let world: RolloutWorld;

  beforeEach(async () => {
    world = await RolloutWorld.start();
  });

  afterEach(async () => {
    await world[Symbol.asyncDispose]();
  });

  it('says that a rollout is stuck when its deadline has passed, once, and that it moves again', async () => {
    await world.create({ progressDeadlineSeconds: 60 });
    await world.settle();
    const early = await world.deployment;
    await world.world.clock.advance(59_000);
    await world.settle();
    const inTime = await world.deployment;
    await world.world.clock.advance(3_000);
    const stuck = await world.when((each) => conditionOf(each, 'Progressing')?.status === 'False');
    const writes = world.world.world.writes.length;
    await world.world.clock.advance(3_600_000);
    await world.settle();
    const idle = world.world.world.writes.slice(writes);
    const done = await world.rollOut();

    expect(conditionOf(early, 'Progressing')).toMatchObject({ status: 'True', reason: 'ReplicaSetUpdated' });
    expect(conditionOf(inTime, 'Progressing')).toMatchObject({ status: 'True' });
    expect(conditionOf(stuck, 'Progressing')).toMatchObject({
      reason: 'ProgressDeadlineExceeded',
      message: `ReplicaSet "${nameOf(await world.setOf('1'))}" has timed out progressing.`,
    });
    expect(idle).toEqual([]);
    expect(conditionOf(done, 'Progressing')).toMatchObject({ status: 'True', reason: 'NewReplicaSetAvailable' });
  });

  it('counts the deadline from the last progress', async () => {
    await world.create({ progressDeadlineSeconds: 60 });
    await world.settle();
    await world.world.clock.advance(50_000);
    await world.step();
    await world.world.clock.advance(50_000);
    await world.settle();

    expect(conditionOf(await world.deployment, 'Progressing')).toMatchObject({ status: 'True', reason: 'ReplicaSetUpdated' });
  });

  it('stays complete when a pod is lost later', async () => {
    await world.create({ progressDeadlineSeconds: 60 });
    await world.rollOut();
    const [pod] = await world.world.pods();
    await world.world.end(pod ? [pod] : []);
    await world.settle();
    await world.world.clock.advance(600_000);
    await world.settle();
    const lost = await world.deployment;

    expect(lost.status).toMatchObject({ availableReplicas: 2, unavailableReplicas: 1 });
    expect(conditionOf(lost, 'Progressing')).toMatchObject({ status: 'True', reason: 'NewReplicaSetAvailable' });
    expect(conditionOf(lost, 'Available')).toMatchObject({ status: 'False', reason: 'MinimumReplicasUnavailable' });
  });

  it('counts a collision and takes another name when a different set has the name', async () => {
    await world.create({ paused: true });
    await world.settle();
    const name = `web-${templateHash((await world.deployment).spec?.template ?? {}, undefined)}`;
    const selector = { matchLabels: { app: 'other' } };
    await world.world.create(ReplicaSet, {
      metadata: { name },
      spec: { replicas: 0, selector, template: templateOf('other') },
    });
    await world.patch({ spec: { paused: false } });
    const done = await world.rollOut();
    const sets = (await world.world.replicaSets()).filter((set) => set.metadata?.labels?.['app'] === 'web');

    expect(done.status).toMatchObject({ collisionCount: 1, availableReplicas: 3 });
    expect(sets).toHaveLength(1);
    expect(sets.map(nameOf)).not.toContain(name);
  });

  it('makes one set, however long the cache does not show it', async () => {
    world.world.transport.hold('replicasets');
    await world.create();
    for (let time = 0; time < 5; time += 1) {
      await world.patch({ metadata: { annotations: { time: String(time) } } });
      await world.settle();
    }
    const unseen = await world.world.replicaSets();
    world.world.transport.release();
    const done = await world.rollOut();

    expect(unseen).toHaveLength(1);
    expect(await world.world.replicaSets()).toHaveLength(1);
    expect(done.status).not.toHaveProperty('collisionCount');
    expect(done.status).toMatchObject({ availableReplicas: 3 });
  });

  it('does not scale by what the cache shows of sets that have changed since', async () => {
    const rollingUpdate = { maxSurge: 0, maxUnavailable: 1 };
    await world.create({ replicas: 4, strategy: { type: 'RollingUpdate', rollingUpdate } });
    await world.rollOut();
    world.world.transport.hold('replicasets');
    const [pod] = await world.world.pods();
    await world.world.setStatus(pod ?? {}, { conditions: [{ type: 'Ready', status: 'False' }] });
    await world.settle();
    await world.patch(imagePatch('2'));
    for (let time = 0; time < 5; time += 1) {
      await world.patch({ metadata: { annotations: { time: String(time) } } });
      await world.settle();
    }
    const unseen = await world.sizes();
    world.world.transport.release();
    await world.rollOut();

    expect(unseen).toEqual({ 'nginx:1': 4, 'nginx:2': 0 });
    expect(await world.sizes()).toEqual({ 'nginx:1': 0, 'nginx:2': 4 });
  });

  it('gets its work done while others keep changing what it writes', async () => {
    let left = 30;
    world.world.transport.intercept = async ({ method, path }) => {
      if ((method !== 'PATCH' && method !== 'PUT') || !path.includes('/apis/apps/') || left-- <= 0) return;
      await world.world.world.api.server.transport({ name: 'someone', groups: ['system:masters'] }).request({
        method: 'PATCH',
        path: path.replace('/status', ''),
        contentType: 'application/merge-patch+json',
        body: { metadata: { labels: { by: `someone-${left}` } } },
      });
    };
    await world.create();
    await world.world.clock.advance(60_000);
    await world.rollOut();
    await world.world.clock.advance(60_000);
    await world.rollOut();
    await world.patch(imagePatch('2'));
    await world.rollOut();
    await world.world.clock.advance(60_000);
    const done = await world.rollOut();

    expect(left).toBeLessThanOrEqual(0);
    expect(await world.sizes()).toEqual({ 'nginx:1': 0, 'nginx:2': 3 });
    expect(done.status).toMatchObject({ replicas: 3, updatedReplicas: 3, availableReplicas: 3 });
  });

  it('says why its set cannot create pods', async () => {
    world.world.transport.intercept = ({ method, path }) => {
      if (method === 'POST' && path.endsWith('/pods')) throw new KeelsonError('Forbidden', 'exceeded quota');
    };
    await world.create();
    const failing = await world.when((each) => conditionOf(each, 'ReplicaFailure') !== undefined);
    world.world.transport.intercept = () => undefined;
    await world.world.clock.advance(1_000_000);
    const done = await world.rollOut();

    expect(conditionOf(failing, 'ReplicaFailure')).toMatchObject({
      status: 'True',
      reason: 'FailedCreate',
      message: 'exceeded quota',
    });
    expect(conditionOf(done, 'ReplicaFailure')).toBeUndefined();
  });

  it('says why it cannot create its set', async () => {
    world.world.transport.intercept = ({ method, path }) => {
      if (method === 'POST' && path.endsWith('/replicasets')) throw new KeelsonError('Forbidden', 'exceeded quota');
    };
    await world.create();
    const failing = await world.when((each) => conditionOf(each, 'Progressing')?.status === 'False');
    const [message] = await world.world.messages('ReplicaSetCreateError');
    world.world.transport.intercept = () => undefined;
    await world.world.clock.advance(1_000_000);
    const done = await world.rollOut();

    expect(message).toMatch(/^Failed to create new replica set "web-[a-z0-9]+": exceeded quota$/);
    expect(conditionOf(failing, 'Progressing')).toMatchObject({ reason: 'ReplicaSetCreateError', message });
    expect(done.status).toMatchObject({ availableReplicas: 3 });
  });

  it('writes nothing when there is nothing to do, also after a restart', async () => {
    await world.create();
    await world.rollOut();
    await world.patch(imagePatch('2'));
    await world.rollOut();
    const { writes } = world.world.world;
    const before = writes.length;
    await world.world.clock.advance(3_600_000);
    await world.settle();
    await world.world.restart();
    await world.settle();

    expect(writes.slice(before)).toEqual([]);
  });

  it('finishes a rollout in the middle of which it was restarted', async () => {
    const rollingUpdate = { maxSurge: 1, maxUnavailable: 1 };
    await world.create({ replicas: 6, strategy: { type: 'RollingUpdate', rollingUpdate } });
    await world.rollOut();
    world.moments.length = 0;
    await world.patch(imagePatch('2'));
    for (let time = 0; time < 5; time += 1) {
      await world.step();
      await world.world.restart();
    }
    const done = await world.rollOut();

    expect(done.status).toMatchObject({ replicas: 6, updatedReplicas: 6, availableReplicas: 6 });
    expect(Math.max(...world.moments.map(({ active }) => active))).toBeLessThanOrEqual(7);
    expect(Math.min(...world.moments.map(({ ready }) => ready))).toBeGreaterThanOrEqual(5);
  });

  it('does nothing to a Deployment that is being deleted, but report', async () => {
    const { metadata, ...others } = deploymentOf('web');
    await world.world.create(Deployment, { ...others, metadata: { ...metadata, finalizers: ['example.com/wait'] } });
    await world.rollOut();
    await world.world.client.resource(Deployment).delete({ name: 'web', namespace: 'default' });
    await world.patch(imagePatch('2'));
    await world.settle();

    expect(await world.sizes()).toEqual({ 'nginx:1': 3 });
    expect((await world.deployment).status?.observedGeneration).toBe((await world.deployment).metadata?.generation);
  });
});

describe('deploymentController without the controller of ReplicaSets', () => {
  it('recreates when the last old pod has ended, even if nobody says so in the status of its set', async () => {
    await using world = await WorkloadWorld.start(deploymentController);
    await world.create(Deployment, deploymentOf('web', { replicas: 1, strategy: { type: 'Recreate' } }));
    const [set] = await eventually(async () => {
      const sets = await world.replicaSets();
      return sets.length === 1 && sets;
    });
    const ownerReferences = [controllerReference(set ?? {}, ReplicaSet)];
    const pod = await world.create(Pod, { ...templateOf('web'), metadata: { name: 'last', ownerReferences } });
    await world.patch(Deployment, 'web', imagePatch('2'));
    await world.when(ReplicaSet, nameOf(set ?? {}), ({ spec }) => spec?.replicas === 0);
    await world.settle();
    const before = await world.replicaSets();
    await world.end([pod]);
    await world.settle();

    expect(before).toHaveLength(1);
    expect(await world.replicaSets()).toHaveLength(2);
  });
});
