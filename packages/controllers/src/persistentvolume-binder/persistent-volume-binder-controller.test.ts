import { eventually } from '@keelson/base/testing';
import { VOLUME_ANNOTATIONS } from '@keelson/api';
import { Event, PersistentVolume, PersistentVolumeClaim, Pod } from '@keelson/api/core/v1';
import { StorageClass } from '@keelson/api/storage/v1';
import { KeelsonError } from '@keelson/base';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makePod } from '../testing/pods.ts';
import { startWorld, turns, type World } from '../testing/world.ts';
import { persistentVolumeBinderController } from './persistent-volume-binder-controller.ts';

const A = VOLUME_ANNOTATIONS;
const WHERE = { name: 'data', namespace: 'default' };

type ClaimSpec = NonNullable<PersistentVolumeClaim['spec']>;
type VolumeSpec = NonNullable<PersistentVolume['spec']>;

let world: World;

beforeEach(async () => {
  world = await startWorld({ server: { disabledAdmission: ['StorageObjectInUseProtection'] } });
});

afterEach(() => world[Symbol.asyncDispose]());

const claims = () => world.client.resource(PersistentVolumeClaim);
const volumes = () => world.client.resource(PersistentVolume);
const classes = () => world.client.resource(StorageClass);
const run = () => world.run(persistentVolumeBinderController);

function claim(spec: ClaimSpec = {}, metadata: PersistentVolumeClaim['metadata'] = {}): Promise<PersistentVolumeClaim> {
  const { size = '2Gi', ...rest } = spec as ClaimSpec & { size?: string };
  return claims().create({
    metadata: { ...WHERE, ...metadata },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: size } }, storageClassName: '', ...rest },
  });
}

function volume(
  name: string,
  { storage = '2Gi', ...spec }: VolumeSpec & { storage?: string } = {},
  metadata: PersistentVolume['metadata'] = {},
): Promise<PersistentVolume> {
  return volumes().create({
    metadata: { ...metadata, name },
    spec: { accessModes: ['ReadWriteOnce'], capacity: { storage }, hostPath: { path: `/${name}` }, ...spec },
  });
}

function storageClass(name: string, more: Partial<StorageClass> = {}): Promise<StorageClass> {
  return classes().create({ metadata: { name }, provisioner: 'example.com/disks', ...more });
}

const DEFAULT = { metadata: { name: 'usual', annotations: { [A.defaultClass]: 'true' } } };
const LATE = { volumeBindingMode: 'WaitForFirstConsumer' } as const;

const claimPhase = async (name = 'data') => (await claims().find({ ...WHERE, name }))?.status?.phase;
const volumePhase = async (name: string) => (await volumes().find({ name }))?.status?.phase;
const event = (reason: string) =>
  eventually(async () => (await world.client.resource(Event).list()).items.find((found) => found.reason === reason));

describe('binding', () => {
  it('binds both sides, and leaves it at that', async () => {
    await volume('a', { storage: '5Gi', accessModes: ['ReadWriteOnce', 'ReadOnlyMany'] });
    await run();
    await claim();
    await eventually(async () => (await claimPhase()) === 'Bound' && (await volumePhase('a')) === 'Bound');

    const bound = await claims().get(WHERE);
    expect(bound.spec?.volumeName).toBe('a');
    expect(bound.status).toMatchObject({ capacity: { storage: '5Gi' }, accessModes: ['ReadWriteOnce', 'ReadOnlyMany'] });
    expect(bound.metadata?.annotations).toEqual({ [A.bindCompleted]: 'yes', [A.boundByController]: 'yes' });
    const taken = await volumes().get({ name: 'a' });
    expect(taken.spec?.claimRef).toMatchObject({ kind: 'PersistentVolumeClaim', ...WHERE, uid: bound.metadata?.uid });
    expect(taken.metadata?.annotations).toEqual({ [A.boundByController]: 'yes' });
    const { length } = world.writes;
    await turns();
    expect(world.writes).toHaveLength(length);
  });

  it.each<{
    title: string;
    spec?: ClaimSpec;
    offers: Record<string, VolumeSpec & { storage?: string }>;
    takes: string | undefined;
  }>([
    {
      title: 'the smallest that is large enough',
      offers: { big: { storage: '9Gi' }, fit: { storage: '3Gi' }, small: { storage: '1Gi' } },
      takes: 'fit',
    },
    { title: 'none that is too small', offers: { small: { storage: '1Gi' } }, takes: undefined },
    {
      title: 'one of its class',
      spec: { storageClassName: 'fast' },
      offers: { a: {}, b: { storageClassName: 'fast' } },
      takes: 'b',
    },
    { title: 'none of a class without asking for it', offers: { b: { storageClassName: 'fast' } }, takes: undefined },
    {
      title: 'one that offers all its access modes',
      spec: { accessModes: ['ReadWriteMany'] },
      offers: { a: {}, b: { accessModes: ['ReadWriteOnce', 'ReadWriteMany'], storage: '9Gi' } },
      takes: 'b',
    },
    {
      title: 'one with the fewest other access modes',
      offers: { a: { accessModes: ['ReadWriteOnce', 'ReadWriteMany'] }, b: { storage: '9Gi' } },
      takes: 'b',
    },
    { title: 'a block device only if it wants one', offers: { a: { volumeMode: 'Block' } }, takes: undefined },
    {
      title: 'a block device if it wants one',
      spec: { volumeMode: 'Block' },
      offers: { a: {}, b: { volumeMode: 'Block' } },
      takes: 'b',
    },
    {
      title: 'the one that is reserved for it, whatever its class',
      offers: { a: {}, b: { storageClassName: 'x', claimRef: WHERE, storage: '9Gi' } },
      takes: 'b',
    },
    { title: 'none that is reserved for another', offers: { a: { claimRef: { ...WHERE, name: 'other' } } }, takes: undefined },
    { title: 'the one it names', spec: { volumeName: 'b' }, offers: { a: {}, b: { storage: '9Gi' } }, takes: 'b' },
    { title: 'no other than the one it names', spec: { volumeName: 'none' }, offers: { a: {} }, takes: undefined },
  ])('takes $title', async ({ spec, offers, takes }) => {
    for (const [name, offer] of Object.entries(offers)) await volume(name, offer);
    await run();
    await eventually(async () => (await volumes().list()).items.every(({ status }) => status?.phase === 'Available'));
    await claim(spec);

    if (takes === undefined) await turns();
    else await eventually(async () => (await claimPhase()) === 'Bound');

    const { items } = await volumes().list();
    const taken = items.filter((found) => found.spec?.claimRef?.uid !== undefined).map((found) => found.metadata?.name);
    expect(taken).toEqual(takes === undefined ? [] : [takes]);
    expect(await claimPhase()).toBe(takes === undefined ? 'Pending' : 'Bound');
  });

  it('heeds the selector', async () => {
    await volume('a');
    await volume('b', { storage: '9Gi' }, { labels: { disk: 'ssd' } });
    await run();
    await claim({ selector: { matchExpressions: [{ key: 'disk', operator: 'In', values: ['ssd', 'nvme'] }] } });

    await eventually(async () => (await claims().get(WHERE)).spec?.volumeName === 'b');
  });

  it('gives each of many claims a volume of its own', async () => {
    await run();
    const names = Array.from({ length: 8 }, (_, at) => `n${at}`);
    await Promise.all(names.map((name) => claim({}, { name })));
    await Promise.all(names.map((name) => volume(name)));

    await eventually(async () => (await claims().list()).items.every(({ status }) => status?.phase === 'Bound'));

    const { items } = await claims().list();
    expect(new Set(items.map(({ spec }) => spec?.volumeName)).size).toBe(8);
    await eventually(async () => (await volumes().list()).items.every(({ status }) => status?.phase === 'Bound'));
  });

  it.each<{ title: string; spec: ClaimSpec; offer: VolumeSpec; message: string }>([
    {
      title: 'too small',
      spec: { resources: { requests: { storage: '9Gi' } } },
      offer: {},
      message: 'requested PV is too small',
    },
    { title: 'of another class', spec: {}, offer: { storageClassName: 'x' }, message: 'storageClassName does not match' },
    { title: 'of another mode', spec: { volumeMode: 'Block' }, offer: {}, message: 'incompatible volumeMode' },
    { title: 'without the access mode', spec: { accessModes: ['ReadWriteMany'] }, offer: {}, message: 'incompatible accessMode' },
  ])('refuses a volume asked for by name that is $title', async ({ spec, offer, message }) => {
    await volume('a', offer);
    await run();
    await claim({ ...spec, volumeName: 'a' });

    expect(await event('VolumeMismatch')).toMatchObject({ message: `Cannot bind to requested volume "a": ${message}` });
    expect(await claimPhase()).toBe('Pending');
  });

  it('says that a volume asked for by name is another claim’s', async () => {
    await volume('a', { claimRef: { ...WHERE, name: 'other' } });
    await run();
    await claim({ volumeName: 'a' });

    expect(await event('FailedBinding')).toMatchObject({ message: 'volume "a" already bound to a different claim.' });
  });
});

describe('crashes', () => {
  /** Reads that a run makes do not count; the n-th write and all later ones are lost. */
  const dieAfter = (count: number) => {
    world.failure = ({ method, path }) => {
      if (method === 'GET' || path.endsWith('/events')) return undefined;
      return world.writes.length > count ? new KeelsonError('ServiceUnavailable', 'killed') : undefined;
    };
  };

  it.each([0, 1, 2, 3, 4, 5])('goes on with the same volume when it was killed after %i writes', async (count) => {
    for (const name of ['a', 'b']) await volume(name);
    for (const name of ['a', 'b']) await volumes().patchStatus({ name }, 'merge', { status: { phase: 'Available' } });
    await claim();
    dieAfter(count);
    await run();
    await eventually(() => world.writes.length > Math.min(count, 3));
    await world.stopControllers();
    const half = (await volumes().list()).items.find(({ spec }) => spec?.claimRef)?.metadata?.name;
    world.failure = () => undefined;

    await run();

    await eventually(async () => (await claimPhase()) === 'Bound');
    const { volumeName = '' } = (await claims().get(WHERE)).spec ?? {};
    expect([undefined, volumeName]).toContain(half);
    await eventually(async () => (await volumePhase(volumeName)) === 'Bound');
    await turns();
    const { items } = await volumes().list();
    expect(items.filter(({ spec }) => spec?.claimRef).map(({ metadata }) => metadata?.name)).toEqual([volumeName]);
    expect((await claims().get(WHERE)).status).toMatchObject({ phase: 'Bound', capacity: { storage: '2Gi' } });
  });

  it.each([0, 1, 2])('gives a volume back when it was killed after %i writes of that', async (count) => {
    const { metadata } = await claim({ volumeName: 'other' }, { annotations: { [A.bindCompleted]: 'yes' } });
    await volume('other', { claimRef: { ...WHERE, uid: metadata?.uid } });
    await volume('a', { claimRef: { ...WHERE, uid: metadata?.uid } }, { annotations: { [A.boundByController]: 'yes' } });
    dieAfter(count);
    await run();
    await eventually(() => world.writes.length > count);
    await world.stopControllers();
    world.failure = () => undefined;

    await run();

    await eventually(async () => (await volumePhase('a')) === 'Available');
    expect((await volumes().get({ name: 'a' })).spec?.claimRef).toBeUndefined();
    await eventually(async () => (await volumePhase('other')) === 'Bound');
  });
});

describe('classes', () => {
  it('gives a claim the class that became the default one later', async () => {
    await claims().create({
      metadata: WHERE,
      spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
    });
    await run();
    expect(await event('FailedBinding')).toMatchObject({
      message: 'no persistent volumes available for this claim and no storage class is set',
    });

    await storageClass('usual', DEFAULT);

    await eventually(async () => (await claims().get(WHERE)).spec?.storageClassName === 'usual');
    expect(await event('ExternalProvisioning')).toBeDefined();
  });

  it('gives the newest of several default classes when a claim is made, and none to one that wants none', async () => {
    await storageClass('usual', DEFAULT);
    const spec = { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } };

    const without = await claims().create({ metadata: WHERE, spec });
    const withEmpty = await claim({}, { name: 'empty' });

    expect(without.spec?.storageClassName).toBe('usual');
    expect(withEmpty.spec?.storageClassName).toBe('');
  });

  it('hands the claim to the provisioner of its class', async () => {
    await storageClass('fast');
    await run();
    await claim({ storageClassName: 'fast' });

    const { message } = await event('ExternalProvisioning');
    expect(message).toContain("created either by the external provisioner 'example.com/disks' or manually");
    const { metadata } = await claims().get(WHERE);
    expect(metadata?.annotations).toEqual({
      [A.storageProvisioner]: 'example.com/disks',
      [A.betaStorageProvisioner]: 'example.com/disks',
    });
  });

  it('binds what the provisioner made, at once', async () => {
    await storageClass('fast');
    await run();
    const { metadata } = await claim({ storageClassName: 'fast' });

    await volume('pvc-1', { storageClassName: 'fast', claimRef: { ...WHERE, uid: metadata?.uid } });

    await eventually(async () => (await claimPhase()) === 'Bound' && (await volumePhase('pvc-1')) === 'Bound');
  });

  it.each([
    { name: 'none', message: 'storageclass.storage.k8s.io "none" not found' },
    { name: 'manual', message: 'no volume plugin matched name: kubernetes.io/no-provisioner' },
  ])('says of class $name that nobody provisions', async ({ name, message }) => {
    await storageClass('manual', { provisioner: 'kubernetes.io/no-provisioner' });
    await run();
    await claim({ storageClassName: name });

    expect(await event('ProvisioningFailed')).toMatchObject({ message, type: 'Warning' });
  });

  it('provisions as soon as the class comes', async () => {
    await run();
    await claim({ storageClassName: 'fast' });
    await event('ProvisioningFailed');

    await storageClass('fast');

    await event('ExternalProvisioning');
  });

  it('waits for a node to be chosen', async () => {
    await storageClass('late', LATE);
    await volume('a', { storageClassName: 'late' });
    await run();
    await claim({ storageClassName: 'late' });
    expect(await event('WaitForFirstConsumer')).toMatchObject({
      message: 'waiting for first consumer to be created before binding',
    });

    await claims().patch(WHERE, 'merge', { metadata: { annotations: { [A.selectedNode]: 'n' } } });

    await eventually(async () => (await claimPhase()) === 'Bound');
  });

  it('names the pod that is to be scheduled first', async () => {
    await storageClass('late', LATE);
    const { spec } = makePod('user', { volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'data' } }] });
    const { nodeName: _nodeName, ...unbound } = spec ?? { containers: [] };
    await world.client.resource(Pod).create({ metadata: { name: 'user', namespace: 'default' }, spec: unbound });
    await claim({ storageClassName: 'late' });

    await run();

    expect(await event('WaitForPodScheduled')).toMatchObject({ message: 'waiting for pod user to be scheduled' });
  });
});

describe('the end', () => {
  const boundPair = async (spec: VolumeSpec = {}, metadata: PersistentVolume['metadata'] = {}) => {
    await volume('a', spec, metadata);
    await run();
    await claim(spec.storageClassName === undefined ? {} : { storageClassName: spec.storageClassName });
    await eventually(async () => (await claimPhase()) === 'Bound');
  };

  it('releases a retained volume, and gives it to nobody else', async () => {
    await boundPair();
    await claims().delete(WHERE);
    await eventually(async () => (await volumePhase('a')) === 'Released');

    await claim();
    await turns();

    expect(await claimPhase()).toBe('Pending');
    expect(await volumePhase('a')).toBe('Released');
  });

  it('makes a volume available again whose user has taken the claim from it', async () => {
    await boundPair();
    await claims().delete(WHERE);
    await eventually(async () => (await volumePhase('a')) === 'Released');

    await volumes().patch({ name: 'a' }, 'merge', { spec: { claimRef: null } });

    await eventually(async () => (await volumePhase('a')) === 'Available');
  });

  it.each([
    {
      policy: 'Delete',
      reason: 'VolumeFailedDelete',
      message: 'error getting deleter volume plugin for volume "a": no deletable volume plugin matched',
    },
    { policy: 'Recycle', reason: 'VolumeFailedRecycle', message: 'No recycler plugin found for the volume!' },
  ])('says that it cannot $policy', async ({ policy, reason, message }) => {
    await boundPair({ persistentVolumeReclaimPolicy: policy });

    await claims().delete(WHERE);

    expect(await event(reason)).toMatchObject({ message, type: 'Warning' });
    await eventually(async () => (await volumePhase('a')) === 'Failed');
    expect((await volumes().get({ name: 'a' })).status?.message).toBe(message);
  });

  it('leaves deletion to the provisioner that made the volume', async () => {
    await boundPair({ persistentVolumeReclaimPolicy: 'Delete' }, { annotations: { [A.provisionedBy]: 'example.com/disks' } });

    await claims().delete(WHERE);

    await eventually(async () => (await volumePhase('a')) === 'Released');
    await turns();
    expect(await volumePhase('a')).toBe('Released');
  });

  it('says that data are lost, and finds them again', async () => {
    await boundPair();
    const { spec } = await volumes().get({ name: 'a' });
    await volumes().delete({ name: 'a' });

    expect(await event('ClaimLost')).toMatchObject({
      message: 'Bound claim has lost its PersistentVolume. Data on the volume is lost!',
    });
    await eventually(async () => (await claimPhase()) === 'Lost');

    await volumes().create({ metadata: { name: 'a' }, ...(spec && { spec }) });
    await eventually(async () => (await claimPhase()) === 'Bound');
  });

  it('does not take a cache that lags for a loss', async () => {
    world.lag = ({ path }) => (path.endsWith('/persistentvolumes') ? 300 : 0);
    await run();
    const { metadata } = await claim({ volumeName: 'a' }, { annotations: { [A.bindCompleted]: 'yes' } });
    await volume('a', { claimRef: { ...WHERE, uid: metadata?.uid } });

    await eventually(async () => (await claimPhase()) === 'Bound');
    expect((await world.client.resource(Event).list()).items.map(({ reason }) => reason)).not.toContain('ClaimMisbound');
  });

  it('tells the second of two claims on one volume', async () => {
    await volume('a', { claimRef: { ...WHERE, name: 'other', uid: 'u' } });
    await run();
    await claim({ volumeName: 'a' }, { annotations: { [A.bindCompleted]: 'yes' } });

    await event('ClaimMisbound');
    await eventually(async () => (await claimPhase()) === 'Lost');
  });

  it('deletes what was provisioned for a claim that got another volume', async () => {
    const { metadata } = await claim();
    await volume('a', { claimRef: { ...WHERE, uid: metadata?.uid } });
    await run();
    await eventually(async () => (await claimPhase()) === 'Bound');

    const provisioned = { annotations: { [A.provisionedBy]: 'example.com/disks' } };
    const claimRef = { ...WHERE, uid: metadata?.uid };
    await volume('late', { claimRef, persistentVolumeReclaimPolicy: 'Delete' }, provisioned);

    await eventually(async () => (await volumePhase('late')) === 'Released');
  });

  it('keeps a volume reserved that its user reserved', async () => {
    const { metadata } = await claim();
    await volume('a');
    await run();
    await eventually(async () => (await claimPhase()) === 'Bound');

    await volume('mine', { claimRef: { ...WHERE, uid: metadata?.uid } });

    await eventually(async () => (await volumePhase('mine')) === 'Available');
    expect((await volumes().get({ name: 'mine' })).spec?.claimRef).toEqual(WHERE);
  });
});
