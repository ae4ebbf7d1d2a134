import { eventually } from '@keelson/base/testing';
import { PersistentVolume, PersistentVolumeClaim, Pod } from '@keelson/api/core/v1';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makePod } from '../testing/pods.ts';
import { startWorld, turns, type World } from '../testing/world.ts';
import { claimProtectionController } from './claim-protection-controller.ts';
import { volumeProtectionController } from './volume-protection-controller.ts';

let world: World;

beforeEach(async () => {
  world = await startWorld();
});

afterEach(() => world[Symbol.asyncDispose]());

describe('persistentvolumeclaim-protection-controller', () => {
  const WHERE = { name: 'data', namespace: 'default' };
  const FINALIZER = 'kubernetes.io/pvc-protection';
  const VOLUMES = [{ name: 'v', persistentVolumeClaim: { claimName: 'data' } }];

  const claims = () => world.client.resource(PersistentVolumeClaim);
  const pods = () => world.client.resource(Pod);
  const isGone = async () => (await claims().find(WHERE)) === undefined;
  const claim = (name = 'data', metadata: PersistentVolumeClaim['metadata'] = {}) =>
    claims().create({
      metadata: { ...metadata, name, namespace: 'default' },
      spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
    });
  const run = () => world.run(claimProtectionController);

  it('lets a claim go at once that no pod uses', async () => {
    await run();
    expect((await claim()).metadata?.finalizers).toEqual([FINALIZER]);

    await claims().delete(WHERE);

    await eventually(isGone);
  });

  it.each(['Pending', 'Running', 'Succeeded'])('keeps a claim as long as a pod on a node is %s', async (phase) => {
    await run();
    await claim();
    await pods().create(makePod('user', { volumes: VOLUMES }));
    await pods().patchStatus({ name: 'user', namespace: 'default' }, 'merge', { status: { phase } });
    await claims().delete(WHERE);
    await turns();
    expect(await isGone()).toBe(false);

    await pods().delete({ name: 'user', namespace: 'default' }, { gracePeriodSeconds: 0 });

    await eventually(isGone);
  });

  it('minds no pod that is on no node', async () => {
    await run();
    await claim();
    const { spec } = makePod('waits', { volumes: VOLUMES });
    const { nodeName: _nodeName, ...unbound } = spec ?? { containers: [] };
    await pods().create({ metadata: { name: 'waits', namespace: 'default' }, spec: unbound });

    await claims().delete(WHERE);

    await eventually(isGone);
  });

  it('keeps a claim for a pod that its cache does not show yet', async () => {
    world.lag = ({ path }) => (path.endsWith('/pods') ? 500 : 0);
    await run();
    await claim();
    await pods().create(makePod('user', { volumes: VOLUMES }));

    await claims().delete(WHERE);
    await turns(100);

    expect(await isGone()).toBe(false);
  });

  it('keeps the claim that was made for a volume of a pod, and no other of that name', async () => {
    await run();
    const volumeClaimTemplate = { spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } } };
    const pod = await pods().create(
      makePod('web', { volumes: ['a', 'b'].map((name) => ({ name, ephemeral: { volumeClaimTemplate } })) }),
    );
    const owner = { apiVersion: 'v1', kind: 'Pod', name: 'web', uid: pod.metadata?.uid ?? '', controller: true };
    await claim('web-a', { ownerReferences: [owner] });
    await claim('web-b');

    for (const name of ['web-a', 'web-b']) await claims().delete({ name, namespace: 'default' });

    await eventually(async () => (await claims().find({ name: 'web-b', namespace: 'default' })) === undefined);
    await turns();
    expect(await claims().find({ name: 'web-a', namespace: 'default' })).toBeDefined();
  });

  it('protects a claim that lost its finalizer', async () => {
    await run();
    await claim();
    await claims().patch(WHERE, 'merge', { metadata: { finalizers: null } });

    await eventually(async () => (await claims().get(WHERE)).metadata?.finalizers?.includes(FINALIZER));
  });
});

describe('persistentvolume-protection-controller', () => {
  const WHERE = { name: 'disk' };
  const volumes = () => world.client.resource(PersistentVolume);
  const make = () =>
    volumes().create({
      metadata: WHERE,
      spec: { accessModes: ['ReadWriteOnce'], capacity: { storage: '1Gi' }, hostPath: { path: '/data' } },
    });
  const isGone = async () => (await volumes().find(WHERE)) === undefined;

  beforeEach(() => world.run(volumeProtectionController));

  it('keeps a volume as long as it is bound', async () => {
    expect((await make()).metadata?.finalizers).toEqual(['kubernetes.io/pv-protection']);
    await volumes().patchStatus(WHERE, 'merge', { status: { phase: 'Bound' } });
    await volumes().delete(WHERE);
    await turns();
    expect(await isGone()).toBe(false);

    await volumes().patchStatus(WHERE, 'merge', { status: { phase: 'Released' } });

    await eventually(isGone);
  });

  it('lets others go, and protects those that lost their finalizer', async () => {
    await make();
    await volumes().patch(WHERE, 'merge', { metadata: { finalizers: null } });
    await eventually(async () => ((await volumes().get(WHERE)).metadata?.finalizers ?? []).length > 0);

    await volumes().delete(WHERE);

    await eventually(isGone);
  });
});
