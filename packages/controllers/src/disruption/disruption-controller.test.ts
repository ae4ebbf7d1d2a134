import { findCondition, formatTime, nameOf } from '@keelson/api';
import { Deployment, ReplicaSet } from '@keelson/api/apps/v1';
import { Job } from '@keelson/api/batch/v1';
import { Pod } from '@keelson/api/core/v1';
import { PodDisruptionBudget, type PodDisruptionBudgetSpec } from '@keelson/api/policy/v1';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { deploymentController } from '../deployment/deployment-controller.ts';
import { jobController } from '../job/job-controller.ts';
import { jobOf } from '../job/testing/job-world.ts';
import { templateOf, WorkloadWorld } from '../pod-control/testing/workload-world.ts';
import { replicaSetController } from '../replicaset/replicaset-controller.ts';
import { disruptionController } from './disruption-controller.ts';

const LABELS = { app: 'web' };
const selector = { matchLabels: LABELS };

describe('disruptionController', () => {
  let world: WorkloadWorld;

  beforeEach(async () => {
    world = await WorkloadWorld.start(disruptionController, replicaSetController, deploymentController, jobController);
  });

  afterEach(() => world[Symbol.asyncDispose]());

  async function settle(ms = 200): Promise<void> {
    await world.settle();
    await world.clock.advance(ms);
    await world.settle();
  }

  async function budget(spec: PodDisruptionBudgetSpec): Promise<void> {
    await world.create(PodDisruptionBudget, { metadata: { name: 'web' }, spec: { selector, ...spec } });
    await settle();
  }

  async function replicaSet(replicas: number): Promise<void> {
    await world.create(ReplicaSet, { metadata: { name: 'web' }, spec: { replicas, selector, template: templateOf('web') } });
    await settle();
    await world.makeReady(await world.pods());
    await settle();
  }

  async function evict(pod: Pod): Promise<boolean> {
    const where = { name: nameOf(pod), namespace: 'default' };
    const body = { metadata: { name: nameOf(pod) } };
    return world.client
      .resource(Pod)
      .subresource(where, { subresource: 'eviction', method: 'POST', body })
      .then(
        () => true,
        () => false,
      );
  }

  const status = async (): Promise<PodDisruptionBudget['status']> => (await world.get(PodDisruptionBudget, 'web')).status;

  it.each([
    { spec: { minAvailable: 2 }, want: { currentHealthy: 4, desiredHealthy: 2, expectedPods: 4, disruptionsAllowed: 2 } },
    { spec: { minAvailable: '70%' }, want: { currentHealthy: 4, desiredHealthy: 3, expectedPods: 4, disruptionsAllowed: 1 } },
    { spec: { maxUnavailable: 1 }, want: { currentHealthy: 4, desiredHealthy: 3, expectedPods: 4, disruptionsAllowed: 1 } },
    { spec: { maxUnavailable: '30%' }, want: { currentHealthy: 4, desiredHealthy: 2, expectedPods: 4, disruptionsAllowed: 2 } },
    { spec: { minAvailable: 9 }, want: { currentHealthy: 4, desiredHealthy: 9, expectedPods: 4, disruptionsAllowed: 0 } },
  ])('of $spec says $want', async ({ spec, want }) => {
    await replicaSet(4);
    await budget(spec);
    const isAllowed = want.disruptionsAllowed > 0;

    expect(await status()).toMatchObject({ ...want, observedGeneration: 1 });
    expect(findCondition((await status())?.conditions, 'DisruptionAllowed')).toMatchObject({
      status: isAllowed ? 'True' : 'False',
      reason: isAllowed ? 'SufficientPods' : 'InsufficientPods',
      observedGeneration: 1,
    });
  });

  it('goes by what workloads want, not by what they have', async () => {
    await replicaSet(4);
    await budget({ maxUnavailable: 1 });
    await world.client.resource(Pod).delete({ name: nameOf((await world.pods())[0] ?? {}), namespace: 'default' });
    await settle();

    expect(await status()).toMatchObject({ currentHealthy: 3, desiredHealthy: 3, expectedPods: 4, disruptionsAllowed: 0 });
  });

  it('counts a Deployment once while it rolls', async () => {
    const spec = { replicas: 3, selector, template: templateOf('web') };
    await world.create(Deployment, { metadata: { name: 'web' }, spec });
    await settle();
    await world.makeReady(await world.pods());
    await settle();
    await world.patch(Deployment, 'web', { spec: { template: templateOf('web', 'nginx:2') } });
    await settle();
    await budget({ maxUnavailable: 1 });

    expect(await status()).toMatchObject({ expectedPods: 3, desiredHealthy: 2, currentHealthy: 3 });
  });

  it('lets no more pods be evicted than may go, and counts on none that is on its way', async () => {
    await replicaSet(3);
    await budget({ minAvailable: 2 });
    const pods = await world.pods();
    const first = await evict(pods[0] ?? {});
    const second = await evict(pods[1] ?? {});
    await settle();
    const during = await status();
    await world.end();
    await settle();
    await world.makeReady(await world.pods());
    await settle();

    expect([first, second]).toEqual([true, false]);
    expect(during).toMatchObject({ currentHealthy: 2, disruptionsAllowed: 0 });
    expect(await status()).toMatchObject({ currentHealthy: 3, disruptionsAllowed: 1 });
    expect((await status())?.disruptedPods).toBeUndefined();
  });

  it('gives up on a pod that was to be evicted and stays', async () => {
    await replicaSet(3);
    await budget({ minAvailable: 2 });
    const [pod] = await world.pods();
    const disruptedPods = { [nameOf(pod ?? {})]: formatTime(world.clock.now()), gone: formatTime(world.clock.now()) };
    await world.client
      .resource(PodDisruptionBudget)
      .patchStatus({ name: 'web', namespace: 'default' }, 'merge', { status: { disruptedPods, disruptionsAllowed: 0 } });
    await settle();
    const early = await status();
    await settle(120_000);

    expect(early).toMatchObject({ currentHealthy: 2, disruptionsAllowed: 0 });
    expect(Object.keys(early?.disruptedPods ?? {})).toEqual([nameOf(pod ?? {})]);
    expect(await status()).toMatchObject({ currentHealthy: 3, disruptionsAllowed: 1 });
    expect(await world.messages('NotDeleted')).toEqual(["Pod was expected by PDB default/web to be deleted but it wasn't"]);
  });

  it('allows nothing while there are no pods', async () => {
    await budget({ maxUnavailable: 1 });

    expect(await status()).toMatchObject({ expectedPods: 0, desiredHealthy: 0, disruptionsAllowed: 0 });
    expect(await world.messages('NoPods')).toEqual(['No matching pods found']);
  });

  it('allows nothing, and says why, if a workload has no scale', async () => {
    await world.create(
      Job,
      jobOf({ template: { ...templateOf('web'), spec: { containers: [{ name: 'c', image: 'i' }], restartPolicy: 'Never' } } }),
    );
    await settle();
    await world.makeReady(await world.pods());
    await budget({ maxUnavailable: 1 });

    expect(await status()).toMatchObject({ disruptionsAllowed: 0 });
    expect(findCondition((await status())?.conditions, 'DisruptionAllowed')).toMatchObject({
      status: 'False',
      reason: 'SyncFailed',
      message: 'jobs.batch does not implement the scale subresource',
    });
  });

  it('warns of pods that nobody manages', async () => {
    await world.create(Pod, { ...templateOf('web'), metadata: { name: 'alone', labels: LABELS } });
    await budget({ minAvailable: '50%' });

    expect((await world.messages('UnmanagedPods'))[0]).toMatch(
      /^Pods selected by this PodDisruptionBudget \(selector: app=web\) were found to be unmanaged\./,
    );
  });

  it.each([
    { title: 'an empty selector is about all pods', selector: {}, want: 3 },
    { title: 'no selector is about none', selector: undefined, want: 0 },
  ])('$title', async ({ selector: chosen, want }) => {
    await replicaSet(3);
    await budget({ minAvailable: 1, selector: chosen });

    expect(await status()).toMatchObject({ expectedPods: want });
  });

  it.each([
    { title: 'takes it back from a pod that stays', reason: 'EvictionByEvictionAPI', want: 'False' },
    { title: 'leaves it to the kubelet', reason: 'TerminationByKubelet', want: 'True' },
  ])('that a pod is about to go: $title', async ({ reason, want }) => {
    await replicaSet(1);
    const [pod] = await world.pods();
    const lastTransitionTime = formatTime(world.clock.now());
    const conditions = [
      ...(pod?.status?.conditions ?? []),
      { type: 'DisruptionTarget', status: 'True', reason, lastTransitionTime },
    ];
    await world.setStatus(pod ?? {}, { conditions });
    await settle(119_000);
    const early = await world.get(Pod, nameOf(pod ?? {}));
    await settle(2_000);
    const late = await world.get(Pod, nameOf(pod ?? {}));

    expect(findCondition(early.status?.conditions, 'DisruptionTarget')?.status).toBe('True');
    expect(findCondition(late.status?.conditions, 'DisruptionTarget')).toMatchObject({ status: want, reason });
  });

  it('writes nothing when there is nothing to do', async () => {
    await replicaSet(3);
    await budget({ minAvailable: 2 });
    const before = world.world.writes.length;
    await settle(3_600_000);

    expect(world.world.writes.slice(before)).toEqual([]);
  });
});
