import { controllerOf, findCondition, nameOf, uidOf } from '@keelson/api';
import { Deployment, ReplicaSet } from '@keelson/api/apps/v1';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isActive, templateOf } from '../pod-control/testing/workload-world.ts';
import { deploymentOf, imagePatch, REVISION, RolloutWorld } from './testing/rollout-world.ts';

function conditionOf({ status }: Deployment, type: string): unknown {
  return findCondition(status?.conditions, type);
}

describe('deploymentController', () => {
  let world: RolloutWorld;

  beforeEach(async () => {
    world = await RolloutWorld.start();
  });

  afterEach(async () => {
    await world[Symbol.asyncDispose]();
  });

  it('makes a ReplicaSet for its template, and says when its pods are available', async () => {
    await world.create();
    const begun = await world.when(({ status }) => status?.replicas === 3);
    const done = await world.rollOut();
    const set = await world.setOf('1');

    expect(begun.status).toMatchObject({ observedGeneration: 1, replicas: 3, updatedReplicas: 3, unavailableReplicas: 3 });
    expect(conditionOf(begun, 'Available')).toMatchObject({ status: 'False', reason: 'MinimumReplicasUnavailable' });
    expect(set.metadata?.labels).toEqual({ app: 'web', 'pod-template-hash': nameOf(set).slice('web-'.length) });
    expect(set.spec?.selector.matchLabels).toEqual(set.metadata?.labels);
    expect(set.metadata?.annotations).toEqual({
      [REVISION]: '1',
      'deployment.kubernetes.io/desired-replicas': '3',
      'deployment.kubernetes.io/max-replicas': '4',
    });
    expect(done.metadata).toMatchObject({ generation: 1, annotations: { [REVISION]: '1' } });
    expect(done.status).toMatchObject({ observedGeneration: 1, replicas: 3, updatedReplicas: 3, availableReplicas: 3 });
    expect(done.status).toMatchObject({ readyReplicas: 3, terminatingReplicas: 0 });
    expect(done.status).not.toHaveProperty('unavailableReplicas');
    expect(conditionOf(done, 'Available')).toMatchObject({
      status: 'True',
      reason: 'MinimumReplicasAvailable',
      message: 'Deployment has minimum availability.',
    });
    expect(conditionOf(done, 'Progressing')).toMatchObject({
      status: 'True',
      reason: 'NewReplicaSetAvailable',
      message: `ReplicaSet "${nameOf(set)}" has successfully progressed.`,
    });
    expect(await world.world.messages('ScalingReplicaSet')).toEqual([`Scaled up replica set ${nameOf(set)} from 0 to 3`]);
  });

  it.each([
    { maxSurge: 1, maxUnavailable: 0, most: 5, least: 4 },
    { maxSurge: 0, maxUnavailable: 1, most: 4, least: 3 },
    { maxSurge: '50%', maxUnavailable: '50%', most: 6, least: 2 },
    { maxSurge: 0, maxUnavailable: '1%', most: 4, least: 3 },
  ])('rolls with a surge of $maxSurge and $maxUnavailable unavailable', async ({ most, least, ...rollingUpdate }) => {
    await world.create({ replicas: 4, strategy: { type: 'RollingUpdate', rollingUpdate } });
    await world.rollOut();
    world.moments.length = 0;
    await world.patch(imagePatch('2'));
    const done = await world.rollOut();

    expect(await world.sizes()).toEqual({ 'nginx:1': 0, 'nginx:2': 4 });
    expect(Math.max(...world.moments.map(({ active }) => active))).toBe(most);
    expect(Math.min(...world.moments.map(({ ready }) => ready))).toBe(least);
    expect(done.metadata?.annotations?.[REVISION]).toBe('2');
  });

  it('counts on from a revision that only 64 bits hold', async () => {
    await world.create({ replicas: 1 });
    await world.rollOut();
    const old = await world.setOf('1');
    const annotations = { [REVISION]: '3546343826724305832' };
    await world.world.patch(ReplicaSet, nameOf(old), { metadata: { annotations } });
    await world.settle();
    await world.patch(imagePatch('2'));
    const done = await world.rollOut();

    expect(done.metadata?.annotations?.[REVISION]).toBe('3546343826724305833');
  });

  it('tells of each step of a rollout', async () => {
    await world.create({ replicas: 1 });
    await world.rollOut();
    await world.patch(imagePatch('2'));
    await world.rollOut();
    const [old, next] = [await world.setOf('1'), await world.setOf('2')].map(nameOf);

    expect(await world.world.messages('ScalingReplicaSet')).toEqual(
      [
        `Scaled down replica set ${old} from 1 to 0`,
        `Scaled up replica set ${old} from 0 to 1`,
        `Scaled up replica set ${next} from 0 to 1`,
      ].toSorted(),
    );
  });

  it('turns to a third template in the middle of the second one', async () => {
    const rollingUpdate = { maxSurge: 1, maxUnavailable: 1 };
    await world.create({ replicas: 4, strategy: { type: 'RollingUpdate', rollingUpdate } });
    await world.rollOut();
    world.moments.length = 0;
    await world.patch(imagePatch('2'));
    await world.settle();
    await world.step();
    await world.patch(imagePatch('3'));
    await world.rollOut();

    expect(await world.sizes()).toEqual({ 'nginx:1': 0, 'nginx:2': 0, 'nginx:3': 4 });
    expect(Math.max(...world.moments.map(({ active }) => active))).toBeLessThanOrEqual(5);
    expect(Math.min(...world.moments.map(({ ready }) => ready))).toBeGreaterThanOrEqual(3);
    expect((await world.setOf('3')).metadata?.annotations?.[REVISION]).toBe('3');
  });

  it('does not move on while new pods do not become ready', async () => {
    await world.create({ replicas: 4 });
    await world.rollOut();
    await world.patch(imagePatch('2'));
    await world.settle();
    await world.world.end();
    await world.settle();

    expect(await world.sizes()).toEqual({ 'nginx:1': 3, 'nginx:2': 2 });
  });

  it('recreates: new pods come when the last old one has ended', async () => {
    await world.create({ replicas: 2, strategy: { type: 'Recreate' } });
    await world.rollOut();
    await world.patch(imagePatch('2'));
    await world.settle();
    const before = await world.world.pods();
    const sizes = await world.sizes();
    await world.world.end(before.slice(0, 1));
    await world.settle();
    const between = await world.sizes();
    await world.world.end();
    await world.settle();
    const done = await world.rollOut();

    expect(before.map(isActive)).toEqual([false, false]);
    expect([sizes, between]).toEqual([{ 'nginx:1': 0 }, { 'nginx:1': 0 }]);
    expect(await world.sizes()).toEqual({ 'nginx:1': 0, 'nginx:2': 2 });
    expect(done.status).toMatchObject({ replicas: 2, updatedReplicas: 2, availableReplicas: 2 });
  });

  it('recreates also when it is resized in the middle of a rolling update', async () => {
    await world.create({ replicas: 4 });
    await world.rollOut();
    await world.patch(imagePatch('2'));
    await world.settle();
    await world.patch({ spec: { replicas: 5, strategy: { type: 'Recreate', rollingUpdate: null } } });
    await world.rollOut();

    expect(await world.sizes()).toEqual({ 'nginx:1': 0, 'nginx:2': 5 });
  });

  it('shares a change of its size among the sets of a rollout', async () => {
    const rollingUpdate = { maxSurge: 3, maxUnavailable: 2 };
    await world.create({ replicas: 10, strategy: { type: 'RollingUpdate', rollingUpdate } });
    await world.rollOut();
    await world.patch(imagePatch('2'));
    await world.settle();
    const before = await world.sizes();
    await world.patch({ spec: { replicas: 15 } });
    await world.settle();
    const larger = await world.sizes();
    await world.rollOut();

    expect(before).toEqual({ 'nginx:1': 8, 'nginx:2': 5 });
    expect(larger).toEqual({ 'nginx:1': 11, 'nginx:2': 7 });
    expect(await world.sizes()).toEqual({ 'nginx:1': 0, 'nginx:2': 15 });
  });

  it('scales without a new revision, and to nothing', async () => {
    await world.create();
    await world.rollOut();
    await world.patch({ spec: { replicas: 5 } });
    const larger = await world.rollOut();
    await world.patch({ spec: { replicas: 0 } });
    const none = await world.rollOut();

    expect(larger.status).toMatchObject({ replicas: 5, availableReplicas: 5, observedGeneration: 2 });
    expect(none.status).toMatchObject({ observedGeneration: 3, terminatingReplicas: 0 });
    expect(none.status).not.toHaveProperty('replicas');
    expect(await world.sizes()).toEqual({ 'nginx:1': 0 });
  });

  it('does not roll while it is paused, but scales and reports', async () => {
    await world.create();
    await world.rollOut();
    await world.patch({ spec: { paused: true } });
    await world.patch(imagePatch('2'));
    await world.patch({ spec: { replicas: 4 } });
    const paused = await world.rollOut();
    const sizes = await world.sizes();
    await world.patch({ spec: { paused: false } });
    const resumed = await world.rollOut();

    expect(sizes).toEqual({ 'nginx:1': 4 });
    expect(paused.status).toMatchObject({ observedGeneration: 4, replicas: 4, availableReplicas: 4 });
    expect(conditionOf(paused, 'Progressing')).toMatchObject({
      status: 'Unknown',
      reason: 'DeploymentPaused',
      message: 'Deployment is paused',
    });
    expect(await world.sizes()).toEqual({ 'nginx:1': 0, 'nginx:2': 4 });
    expect(conditionOf(resumed, 'Progressing')).toMatchObject({ status: 'True', reason: 'NewReplicaSetAvailable' });
  });

  it('uses the old set again when it is rolled back to its template', async () => {
    await world.create();
    await world.rollOut();
    await world.patch(imagePatch('2'));
    await world.rollOut();
    const { template } = (await world.setOf('1')).spec ?? {};
    const { 'pod-template-hash': _, ...labels } = template?.metadata?.labels ?? {};
    const value = { ...template, metadata: { creationTimestamp: null, labels } };
    await world.world.client
      .resource(Deployment)
      .patch({ name: 'web', namespace: 'default' }, 'json', [{ op: 'replace', path: '/spec/template', value }]);
    const done = await world.rollOut();

    expect(await world.sizes()).toEqual({ 'nginx:1': 3, 'nginx:2': 0 });
    expect(done.metadata?.annotations?.[REVISION]).toBe('3');
    expect((await world.setOf('1')).metadata?.annotations).toMatchObject({
      [REVISION]: '3',
      'deployment.kubernetes.io/revision-history': '1',
    });
  });

  it('keeps as many old sets as it is told to', async () => {
    await world.create({ replicas: 1, revisionHistoryLimit: 2 });
    for (const tag of ['2', '3', '4', '5']) {
      await world.rollOut();
      await world.patch(imagePatch(tag));
    }
    await world.rollOut();

    expect(await world.sizes()).toEqual({ 'nginx:3': 0, 'nginx:4': 0, 'nginx:5': 1 });
  });

  it('passes its annotations and minReadySeconds on to the set', async () => {
    await world.create();
    await world.rollOut();
    const annotations = { 'kubernetes.io/change-cause': 'why not', 'kubectl.kubernetes.io/last-applied-configuration': '{}' };
    await world.patch({ metadata: { annotations }, spec: { minReadySeconds: 5 } });
    await world.settle();
    const set = await world.setOf('1');

    expect(set.metadata?.annotations).toMatchObject({ 'kubernetes.io/change-cause': 'why not', [REVISION]: '1' });
    expect(set.metadata?.annotations).not.toHaveProperty('kubectl.kubernetes.io/last-applied-configuration');
    expect(set.spec?.minReadySeconds).toBe(5);
  });

  it('adopts a set that matches and nobody owns', async () => {
    const selector = { matchLabels: { app: 'web' } };
    await world.world.create(ReplicaSet, {
      metadata: { name: 'found', labels: { app: 'web' } },
      spec: { replicas: 3, selector, template: templateOf('web') },
    });
    const { metadata } = await world.create();
    const done = await world.rollOut();
    const sets = await world.world.replicaSets();

    expect(sets.map(nameOf)).toEqual(['found']);
    expect(controllerOf(sets[0] ?? {})?.uid).toBe(metadata?.uid);
    expect(done.status).toMatchObject({ updatedReplicas: 3, availableReplicas: 3 });
  });

  it('leaves the sets of another Deployment with the same selector alone', async () => {
    const selector = { matchLabels: { app: 'web' } };
    const other = await world.world.create(Deployment, deploymentOf('other', { selector, template: templateOf('web') }));
    await world.create();
    await world.rollOut();
    const owners = (await world.world.replicaSets()).map((set) => controllerOf(set)?.uid);

    expect(owners.toSorted()).toEqual([uidOf(other), uidOf(await world.deployment)].toSorted());
    expect(await world.world.pods()).toHaveLength(6);
  });
});
