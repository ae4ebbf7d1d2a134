import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { VOLUME_ANNOTATIONS } from '@keelson/api';
import { Event, Node, PersistentVolume, PersistentVolumeClaim } from '@keelson/api/core/v1';
import { StorageClass } from '@keelson/api/storage/v1';
import { startTestApiServer, type TestApiServer } from '@keelson/api-server/testing';
import { silentLogger, SystemClock, type Runnable } from '@keelson/base';
import { eventually } from '@keelson/base/testing';
import { createClient, type Client } from '@keelson/client';
import { EventRecorder, InformerFactory } from '@keelson/controller-runtime';
import { builtinControllers, Controllers } from '@keelson/controllers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Directories } from './directories.ts';
import { LOCAL_PATH_CLASS, localPathProvisioner, type LocalPathOptions } from './local-path-provisioner.ts';

const WHERE = { name: 'data', namespace: 'default' };
const BINDER = [
  'persistentvolume-binder-controller',
  'persistentvolume-protection-controller',
  'persistentvolumeclaim-protection-controller',
];

let root: string;
let api: TestApiServer;
let client: Client;
let running: Runnable[];

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'local-path-'));
  api = await startTestApiServer();
  client = createClient(api.transport);
  running = [];
  await client.resource(StorageClass).create(LOCAL_PATH_CLASS);
  await client.resource(Node).create({ metadata: { name: 'n1', labels: { 'kubernetes.io/hostname': 'host-1' } } });
});

afterEach(async () => {
  await stop();
  await api.close();
  await rm(root, { recursive: true, force: true });
});

async function stop(): Promise<void> {
  for (const part of running.splice(0).toReversed()) await part.stop();
}

async function start(options: Partial<LocalPathOptions> = {}): Promise<void> {
  const world = { client, clock: new SystemClock(), logger: silentLogger };
  const informers = new InformerFactory(world);
  const events = new EventRecorder({ ...world, component: 'local-path' });
  const builtin = Object.entries(builtinControllers({ rootCa: '' })).map(([name, create]) => ({ name, create }));
  running.push(
    { name: 'events', start: async () => undefined, stop: () => events.stop() },
    informers,
    new Controllers({ ...world, informers, controllers: builtin }, { enabled: BINDER }),
    localPathProvisioner({ root, ...options }, { ...world, informers, events }),
  );
  for (const part of running) await part.start(AbortSignal.timeout(60_000));
}

const claims = () => client.resource(PersistentVolumeClaim);
const volumes = () => client.resource(PersistentVolume);
const noVolumes = async () => (await volumes().list()).items.length === 0;
const event = (reason: string) =>
  eventually(async () => (await client.resource(Event).list()).items.find((found) => found.reason === reason));
const phaseIs = (phase: string) => eventually(async () => (await claims().get(WHERE)).status?.phase === phase);

function claim(nodeName: string | undefined, spec: PersistentVolumeClaim['spec'] = {}): Promise<PersistentVolumeClaim> {
  const annotations = nodeName === undefined ? {} : { [VOLUME_ANNOTATIONS.selectedNode]: nodeName };
  return claims().create({
    metadata: { ...WHERE, annotations },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } }, ...spec },
  });
}

describe('local-path provisioner', () => {
  it('makes a directory on the chosen node and binds the claim to it', async () => {
    await start();
    const { metadata } = await claim('n1');
    await phaseIs('Bound');

    const [volume] = (await volumes().list()).items;
    const path = join(root, 'n1', `pvc-${metadata?.uid}`);
    expect(volume?.spec).toMatchObject({
      local: { path },
      capacity: { storage: '1Gi' },
      accessModes: ['ReadWriteOnce'],
      persistentVolumeReclaimPolicy: 'Delete',
      storageClassName: 'local-path',
      nodeAffinity: {
        required: {
          nodeSelectorTerms: [{ matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: ['host-1'] }] }],
        },
      },
    });
    expect((await stat(path)).mode & 0o777).toBe(0o777);
  });

  it('waits until a node is chosen', async () => {
    await start();
    await claim(undefined);
    await event('WaitForFirstConsumer');

    expect(await readdir(root)).toEqual([]);
  });

  it('deletes directory and volume after the claim', async () => {
    await start();
    await claim('n1');
    await phaseIs('Bound');
    const [name = ''] = await readdir(join(root, 'n1'));
    await writeFile(join(root, 'n1', name, 'file'), 'x');

    await claims().delete(WHERE);

    await eventually(noVolumes);
    expect(await readdir(join(root, 'n1'))).toEqual([]);
  });

  it('deletes what was released while it was away', async () => {
    await start();
    await claim('n1');
    await phaseIs('Bound');
    await stop();
    await start({ isHere: () => false });
    await claims().delete(WHERE);
    await eventually(async () => (await volumes().list()).items.every(({ status }) => status?.phase === 'Released'));
    expect(await readdir(join(root, 'n1'))).toHaveLength(1);
    await stop();

    await start();

    await eventually(noVolumes);
    expect(await readdir(join(root, 'n1'))).toEqual([]);
  });

  it('keeps data whose class says so', async () => {
    await client.resource(StorageClass).create({ ...LOCAL_PATH_CLASS, metadata: { name: 'kept' }, reclaimPolicy: 'Retain' });
    await start();
    await claim('n1', { storageClassName: 'kept' });
    await phaseIs('Bound');

    await claims().delete(WHERE);
    await eventually(async () => (await volumes().list()).items.every(({ status }) => status?.phase === 'Released'));
    const [name = ''] = (await volumes().list()).items.map(({ metadata }) => metadata?.name ?? '');
    await volumes().delete({ name });

    await eventually(noVolumes);
    expect(await readdir(join(root, 'n1'))).toEqual([name]);
  });

  it('gives back a node that has gone', async () => {
    await start();
    await claim('n9');

    await event('ProvisioningFailed');

    await eventually(async () => !(await claims().get(WHERE)).metadata?.annotations?.[VOLUME_ANNOTATIONS.selectedNode]);
    expect(await noVolumes()).toBe(true);
  });

  it.each([
    { title: 'many nodes', spec: { accessModes: ['ReadWriteMany'] }, why: 'access mode ReadWriteMany is not supported' },
    { title: 'a block device', spec: { volumeMode: 'Block' }, why: 'block volumes are not supported' },
    { title: 'chosen volumes', spec: { selector: { matchLabels: { a: 'b' } } }, why: 'claim.Spec.Selector is not supported' },
  ])('refuses a claim for $title', async ({ spec, why }) => {
    await start();
    await claim('n1', spec);

    const { message } = await event('ProvisioningFailed');
    expect(message).toContain(`failed to provision volume with StorageClass "local-path": ${why}`);
  });

  it('leaves claims of other nodes and classes alone', async () => {
    await start({ isHere: (name) => name !== 'n1' });
    await claim('n1');
    await event('ExternalProvisioning');

    expect(await readdir(root)).toEqual([]);
  });

  it('sweeps empty directories of nobody, and no others', async () => {
    await mkdir(join(root, 'n1', 'pvc-empty'), { recursive: true });
    await mkdir(join(root, 'n1', 'pvc-full', 'data'), { recursive: true });

    await start();

    expect(await readdir(join(root, 'n1'))).toEqual(['pvc-full']);
  });
});

describe('Directories', () => {
  it.each(['/', '/etc', '', '..', '../x/y', 'n1', 'n1/../..', 'n1/a/b'])('never deletes "%s"', async (path) => {
    await expect(new Directories(root).remove(path.startsWith('/') ? path : join(root, path))).rejects.toThrow('Cannot');
    expect(await stat(root)).toBeDefined();
  });
});
