import { VOLUME_ANNOTATIONS } from '@keelson/api';
import { Node, PersistentVolume, PersistentVolumeClaim, Pod } from '@keelson/api/core/v1';
import { CSINode, StorageClass } from '@keelson/api/storage/v1';
import { startTestApiServer, type TestApiServer } from '@keelson/api-server/testing';
import { silentLogger } from '@keelson/base';
import { eventually, ManualClock } from '@keelson/base/testing';
import { createClient, type Client } from '@keelson/client';
import { InformerFactory } from '@keelson/controller-runtime';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Scheduler } from '../../scheduler.ts';

const A = VOLUME_ANNOTATIONS;
const namespace = 'default';

let api: TestApiServer;
let client: Client;
let clock: ManualClock;
let informers: InformerFactory;
let scheduler: Scheduler;

beforeEach(async () => {
  api = await startTestApiServer();
  client = createClient(api.transport);
  clock = new ManualClock();
  await client.resource(StorageClass).create({
    metadata: { name: 'late' },
    provisioner: 'example.com/disks',
    volumeBindingMode: 'WaitForFirstConsumer',
  });
  await client.resource(StorageClass).create({
    metadata: { name: 'manual' },
    provisioner: 'kubernetes.io/no-provisioner',
    volumeBindingMode: 'WaitForFirstConsumer',
  });
  for (const name of ['a', 'b']) await makeNode(name);
});

afterEach(async () => {
  await scheduler.stop();
  await informers.stop();
  await api.close();
});

async function start(): Promise<void> {
  informers = new InformerFactory({ client, clock, logger: silentLogger });
  scheduler = new Scheduler({ client, informers, clock, logger: silentLogger });
  await informers.start(new AbortController().signal);
  await scheduler.start(new AbortController().signal);
}

async function makeNode(name: string): Promise<void> {
  const labels = { 'kubernetes.io/hostname': name, 'topology.kubernetes.io/zone': `zone-${name}` };
  await client.resource(Node).create({ metadata: { name, labels } });
  await client
    .resource(Node)
    .patchStatus({ name }, 'merge', { status: { allocatable: { cpu: '64', memory: '64Gi', pods: '200' } } });
}

const onNode = (name: string) => ({
  nodeAffinity: {
    required: { nodeSelectorTerms: [{ matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: [name] }] }] },
  },
});

async function volume(
  name: string,
  spec: PersistentVolume['spec'] = {},
  metadata: PersistentVolume['metadata'] = {},
): Promise<void> {
  await client.resource(PersistentVolume).create({
    metadata: { ...metadata, name },
    spec: { accessModes: ['ReadWriteOnce'], capacity: { storage: '1Gi' }, hostPath: { path: '/x' }, ...spec },
  });
  await client.resource(PersistentVolume).patchStatus({ name }, 'merge', { status: { phase: 'Available' } });
}

function claim(name: string, spec: PersistentVolumeClaim['spec'] = {}, annotations: Record<string, string> = {}) {
  const resources = { requests: { storage: '1Gi' } };
  return client.resource(PersistentVolumeClaim).create({
    metadata: { name, namespace, annotations },
    spec: { accessModes: ['ReadWriteOnce'], storageClassName: '', resources, ...spec },
  });
}

const bound = (name: string, volumeName: string, spec: PersistentVolumeClaim['spec'] = {}) =>
  claim(name, { ...spec, volumeName }, { [A.bindCompleted]: 'yes' });

function pod(name: string, claimNames: readonly string[], spec: Partial<NonNullable<Pod['spec']>> = {}) {
  const volumes = claimNames.map((claimName) => ({ name: claimName, persistentVolumeClaim: { claimName } }));
  return client
    .resource(Pod)
    .create({ metadata: { name, namespace }, spec: { containers: [{ name: 'c', image: 'i' }], volumes, ...spec } });
}

const nodeOf = async (name: string) => (await client.resource(Pod).get({ name, namespace })).spec?.nodeName;
const messageOf = async (name: string) =>
  (await client.resource(Pod).get({ name, namespace })).status?.conditions?.find(({ type }) => type === 'PodScheduled')?.message;
const selected = async (name: string) =>
  (await client.resource(PersistentVolumeClaim).get({ name, namespace })).metadata?.annotations?.[A.selectedNode];

/** Time goes on meanwhile: pods that could not be placed are tried again. */
const inTime = <T>(look: () => Promise<T | undefined | false>): Promise<T> =>
  eventually(async () => {
    await clock.advance(100);
    return look();
  });

/** What the binder does once a volume is reserved, or a provisioner has made one. */
async function complete(name: string, volumeName: string): Promise<void> {
  await client.resource(PersistentVolumeClaim).patch({ name, namespace }, 'merge', {
    metadata: { annotations: { [A.bindCompleted]: 'yes' } },
    spec: { volumeName },
  });
}

describe('pods whose claims are an obstacle', () => {
  it.each([
    { title: 'missing', set: async () => undefined, message: '0/2 nodes are available: persistentvolumeclaim "data" not found.' },
    {
      title: 'unbound',
      set: () => claim('data'),
      message: '0/2 nodes are available: pod has unbound immediate PersistentVolumeClaims.',
    },
    {
      title: 'bound to what is not there',
      set: () => bound('data', 'gone'),
      message: '0/2 nodes are available: 2 node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s).',
    },
    {
      title: 'bound to a volume of no node',
      set: async () => {
        await volume('v', onNode('elsewhere'));
        await bound('data', 'v');
      },
      message: '0/2 nodes are available: 2 node(s) had volume node affinity conflict.',
    },
    {
      title: 'without any volume to be had',
      set: () => claim('data', { storageClassName: 'manual' }),
      message: "0/2 nodes are available: 2 node(s) didn't find available persistent volumes to bind.",
    },
    {
      title: 'in another zone',
      set: async () => {
        await volume('v', {}, { labels: { 'topology.kubernetes.io/zone': 'zone-x__zone-y' } });
        await bound('data', 'v');
      },
      message: '0/2 nodes are available: 2 node(s) had no available volume zone.',
    },
  ])('says that the claim is $title', async ({ set, message }) => {
    await set();
    await start();
    await pod('p', ['data']);

    const vain = 'preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling.';
    expect(await inTime(() => messageOf('p'))).toBe(`${message} ${vain}`);
  });

  it('waits for the claim of an ephemeral volume, and takes none of somebody else', async () => {
    await start();
    const volumeClaimTemplate = { spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } } };
    await pod('p', [], { volumes: [{ name: 'e', ephemeral: { volumeClaimTemplate } }] });
    const waiting = 'waiting for ephemeral volume controller to create the persistentvolumeclaim "p-e"';
    expect(await inTime(() => messageOf('p'))).toContain(waiting);

    await claim('p-e');

    await inTime(async () =>
      (await messageOf('p'))?.includes('PVC default/p-e was not created for pod default/p (pod is not owner)'),
    );
  });

  it('places the pod as soon as its claim is bound', async () => {
    await start();
    await claim('data');
    await pod('p', ['data']);
    await inTime(() => messageOf('p'));
    await volume('v', onNode('b'));

    await complete('data', 'v');

    expect(await inTime(() => nodeOf('p'))).toBe('b');
  });
});

describe('claims that wait for a pod', () => {
  it('chooses the node that has a volume, reserves that, and binds the pod when the claim is bound', async () => {
    await volume('v', { storageClassName: 'manual', ...onNode('b') });
    await claim('data', { storageClassName: 'manual' });
    await start();
    await pod('p', ['data']);
    const { uid } = await inTime(async () => (await client.resource(PersistentVolume).get({ name: 'v' })).spec?.claimRef);
    expect(uid).toBe((await client.resource(PersistentVolumeClaim).get({ name: 'data', namespace })).metadata?.uid);
    expect(await nodeOf('p')).toBeUndefined();

    await complete('data', 'v');

    expect(await inTime(() => nodeOf('p'))).toBe('b');
  });

  it('gives no two claims the same volume', async () => {
    await volume('v', { storageClassName: 'manual', ...onNode('b') });
    for (const name of ['c1', 'c2']) await claim(name, { storageClassName: 'manual' });
    await start();
    for (const name of ['1', '2']) await pod(`p${name}`, [`c${name}`]);

    const message = await inTime(async () => (await messageOf('p1')) ?? (await messageOf('p2')));

    expect(message).toContain("didn't find available persistent volumes to bind");
    await inTime(async () => (await client.resource(PersistentVolume).get({ name: 'v' })).spec?.claimRef);
  });

  it('names the node to a provisioner, and goes elsewhere when that gives it back', async () => {
    await claim('data', { storageClassName: 'late' });
    await start();
    await pod('p', ['data']);
    const first = await inTime(() => selected('data'));
    await client.resource(Node).patch({ name: first }, 'merge', { spec: { unschedulable: true } });
    const given = { metadata: { annotations: { [A.selectedNode]: null } } };
    await client.resource(PersistentVolumeClaim).patch({ name: 'data', namespace }, 'merge', given);

    const second = await inTime(() => selected('data'));
    await volume('v', onNode(second));
    await complete('data', 'v');

    expect(second).not.toBe(first);
    expect(await inTime(() => nodeOf('p'))).toBe(second);
  });

  it('sends a second pod with the claim where the volume is being made', async () => {
    await claim('data', { storageClassName: 'late' });
    await start();
    await pod('p', ['data']);
    const node = await inTime(() => selected('data'));
    await pod('q', ['data'], { nodeSelector: { 'kubernetes.io/hostname': node === 'a' ? 'b' : 'a' } });
    await inTime(() => messageOf('q'));
    await pod('r', ['data']);

    await volume('v', onNode(node));
    await complete('data', 'v');

    expect(await inTime(() => nodeOf('r'))).toBe(node);
    expect(await nodeOf('q')).toBeUndefined();
  });

  it('keeps to the topology of the class', async () => {
    await client.resource(StorageClass).create({
      metadata: { name: 'zoned' },
      provisioner: 'example.com/disks',
      volumeBindingMode: 'WaitForFirstConsumer',
      allowedTopologies: [{ matchLabelExpressions: [{ key: 'topology.kubernetes.io/zone', values: ['zone-b'] }] }],
    });
    await claim('data', { storageClassName: 'zoned' });
    await start();
    await pod('p', ['data']);

    expect(await inTime(() => selected('data'))).toBe('b');
  });

  it('tries again when the volume does not come', async () => {
    await claim('data', { storageClassName: 'late' });
    await start();
    await pod('p', ['data']);
    await inTime(() => selected('data'));

    await clock.advance(601_000);

    await inTime(async () => (await messageOf('p'))?.includes('binding volumes: context deadline exceeded'));
  });

  it('is not held up by many pods whose volumes do not come', async () => {
    const names = Array.from({ length: 70 }, (_, at) => `n${at}`);
    await Promise.all(names.map((name) => claim(name, { storageClassName: 'late' })));
    await start();
    await Promise.all(names.map((name) => pod(name, [name])));
    await inTime(async () => (await Promise.all(names.map(selected))).every(Boolean));

    await pod('free', []);

    expect(await inTime(() => nodeOf('free'))).toBeDefined();
  });
});

describe('limits of volumes', () => {
  it('lets one pod use a claim for one pod, and the next one after it', async () => {
    await volume('v', { accessModes: ['ReadWriteOncePod'] });
    await bound('data', 'v', { accessModes: ['ReadWriteOncePod'] });
    await start();
    await pod('p', ['data']);
    await inTime(() => nodeOf('p'));
    await pod('q', ['data']);
    const why = 'node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode';
    expect(await inTime(() => messageOf('q'))).toContain(`0/2 nodes are available: 2 ${why}.`);

    await client.resource(Pod).delete({ name: 'p', namespace }, { gracePeriodSeconds: 0 });

    await inTime(() => nodeOf('q'));
  });

  it('attaches no more volumes than the driver says', async () => {
    const driver = 'disks.example.com';
    const drivers = [{ name: driver, nodeID: 'n', allocatable: { count: 1 } }];
    for (const name of ['a', 'b']) await client.resource(CSINode).create({ metadata: { name }, spec: { drivers } });
    for (const name of ['1', '2', '3']) {
      const spec = { accessModes: ['ReadWriteOnce'], capacity: { storage: '1Gi' }, csi: { driver, volumeHandle: name } };
      await client.resource(PersistentVolume).create({ metadata: { name }, spec });
      await bound(`c${name}`, name);
    }
    await start();
    for (const name of ['1', '2', '3']) {
      await pod(`p${name}`, [`c${name}`]);
      await inTime(async () => (await nodeOf(`p${name}`)) ?? (await messageOf(`p${name}`)));
    }

    expect(new Set([await nodeOf('p1'), await nodeOf('p2')])).toEqual(new Set(['a', 'b']));
    expect(await messageOf('p3')).toContain('0/2 nodes are available: 2 node(s) exceed max volume count.');
  });
});
