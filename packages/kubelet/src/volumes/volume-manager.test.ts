import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '@keelson/base';
import { ManualClock } from '@keelson/base/testing';
import {
  ConfigMap,
  PersistentVolume,
  PersistentVolumeClaim,
  Secret,
  type Container,
  type Node,
  type Pod,
  type PodSpec,
  type Volume,
} from '@keelson/api/core/v1';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ConfigCache, TokenCache } from '../config-cache.ts';
import { MemoryClient } from '../testing/memory-client.ts';
import { MountFailure } from './mount-failure.ts';
import { NO_MOUNTS, SystemMounter, type Mounter, type MountRequest } from './mounter.ts';
import { removeVolumes, VolumeManager } from './volume-manager.ts';

const NODE: Node = { metadata: { name: 'n1', labels: { 'kubernetes.io/hostname': 'n1' } } };
const UID = 'uid-1';
const DOWNWARD = { nodeName: 'n1', hostIps: [], podIps: [], allocatable: { cpu: '4' } };

const canMount = new SystemMounter().canMount;
if (!canMount) process.stderr.write('LEFT OUT: volumes that are mounted need root\n');

let scratch: string;
let rootDir: string;
let clock: ManualClock;
let client: MemoryClient;
let mounter: Mounter;
let manager: VolumeManager;

beforeEach(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'volumes-'));
  rootDir = join(scratch, 'kubelet');
  clock = new ManualClock();
  client = new MemoryClient(clock);
  use(NO_MOUNTS);
});
afterEach(async () => {
  await removeVolumes(rootDir, mounter);
  await rm(scratch, { recursive: true, force: true });
});

/** A kubelet that has just started. */
function use(with_: Mounter): void {
  mounter = with_;
  const deps = { client, clock, logger: silentLogger, mounter, rootDir, node: () => NODE };
  manager = new VolumeManager({ ...deps, config: new ConfigCache(deps, 0), tokens: new TokenCache(deps) });
}

const mountOf = (name: string): NonNullable<Container['volumeMounts']>[number] => ({ name, mountPath: `/${name}` });

function podWith(volumes: Volume[], spec: Partial<PodSpec> = {}): Pod {
  const containers = [{ name: 'web', volumeMounts: volumes.map(({ name }) => mountOf(name)) }];
  return { metadata: { name: 'p', namespace: 'default', uid: UID, labels: { a: 'b' } }, spec: { containers, volumes, ...spec } };
}

async function mount(volumes: Volume[], spec: Partial<PodSpec> = {}): Promise<(name?: string) => string> {
  const ready = await manager.mount(podWith(volumes, spec), DOWNWARD);
  return (name = volumes[0]?.name ?? '') => ready.get(name)?.path ?? '';
}

async function failure(volumes: Volume[], spec: Partial<PodSpec> = {}): Promise<readonly string[]> {
  const error: unknown = await manager.mount(podWith(volumes, spec), DOWNWARD).catch((reason: unknown) => reason);
  return error instanceof MountFailure ? error.messages : [`not a MountFailure: ${String(error)}`];
}

async function memory(): Promise<string> {
  const path = join(scratch, 'memory');
  await mkdir(path);
  return path;
}

const modeOf = async (path: string): Promise<string> => ((await stat(path)).mode & 0o7777).toString(8);

describe('volumes of API data', () => {
  beforeEach(() => {
    client.create(ConfigMap, { metadata: { name: 'c', namespace: 'default' }, data: { k: 'v', l: 'w' } });
    client.create(Secret, { metadata: { name: 's', namespace: 'default' }, data: { p: 'c2VjcmV0' } });
  });

  it('shows chosen keys under other names, with their modes', async () => {
    const items = [
      { key: 'k', path: 'deep/k', mode: 0o400 },
      { key: 'l', path: 'l' },
    ];
    const path = await mount([{ name: 'v', configMap: { name: 'c', items, defaultMode: 0o440 } }]);

    expect(await readFile(join(path(), 'deep/k'), 'utf8')).toBe('v');
    expect(await modeOf(join(path(), 'deep/k'))).toBe('400');
    expect(await modeOf(join(path(), 'l'))).toBe('440');
    expect(await modeOf(path())).toBe('777');
  });

  it('lets no container write to them', async () => {
    const pod = podWith([{ name: 'v', configMap: { name: 'c' } }]);
    const volumes = await manager.mount(pod, DOWNWARD);
    const [container = { name: '' }] = pod.spec?.containers ?? [];

    const mounts = await manager.containerMounts({ podUid: UID, container, volumes, env: [], images: new Map() });

    expect(mounts).toEqual([{ hostPath: volumes.get('v')?.path, containerPath: '/v', readOnly: true }]);
  });

  it.each<{ title: string; volume: Volume; message: string }>([
    { title: 'a missing ConfigMap', volume: { name: 'v', configMap: { name: 'x' } }, message: 'configmap "x" not found' },
    { title: 'a missing Secret', volume: { name: 'v', secret: { secretName: 'x' } }, message: 'secret "x" not found' },
    {
      title: 'a missing key',
      volume: { name: 'v', configMap: { name: 'c', items: [{ key: 'x', path: 'x' }] } },
      message: 'configmap references non-existent config key: x',
    },
    {
      title: 'a missing key of a Secret',
      volume: { name: 'v', secret: { secretName: 's', items: [{ key: 'x', path: 'x' }] } },
      message: 'references non-existent secret key: x',
    },
    {
      title: 'all that is wrong with projected sources',
      volume: { name: 'v', projected: { sources: [{ configMap: { name: 'x' } }, { secret: { name: 'y' } }] } },
      message: '[configmap "x" not found, secret "y" not found]',
    },
    {
      title: 'a source that is unknown here',
      volume: { name: 'v', projected: { sources: [{ clusterTrustBundle: { path: 'ca', name: 'x' } }] } },
      message: 'projected volume source "clusterTrustBundle" is not supported by this node',
    },
  ])('tells of $title', async ({ volume, message }) => {
    expect(await failure([volume])).toEqual([`MountVolume.SetUp failed for volume "v" : ${message}`]);
  });

  it('makes nothing of what is optional and missing', async () => {
    const path = await mount([
      { name: 'v', configMap: { name: 'x', optional: true } },
      { name: 'w', secret: { secretName: 's', optional: true, items: [{ key: 'x', path: 'x' }] } },
    ]);

    expect((await readdir(path('v'))).filter((name) => !name.startsWith('..'))).toEqual([]);
    expect((await readdir(path('w'))).filter((name) => !name.startsWith('..'))).toEqual([]);
  });

  it('puts several sources together', async () => {
    const sources = [
      { configMap: { name: 'c', items: [{ key: 'k', path: 'k' }] } },
      { secret: { name: 's' } },
      { downwardAPI: { items: [{ path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } }] } },
      { serviceAccountToken: { path: 'token', audience: 'vault' } },
    ];
    const path = await mount([{ name: 'v', projected: { sources, defaultMode: 0o444 } }]);

    expect((await readdir(path())).filter((name) => !name.startsWith('..')).toSorted()).toEqual(['k', 'labels', 'p', 'token']);
    expect(await readFile(join(path(), 'labels'), 'utf8')).toBe('a="b"');
  });

  it.each([
    { title: 'everybody where users differ', spec: {}, want: '644' },
    { title: 'its user alone', spec: { securityContext: { runAsUser: 1000 } }, want: '600' },
    { title: 'its group', spec: { securityContext: { fsGroup: 2000 } }, want: process.getuid?.() === 0 ? '640' : '600' },
  ])('lets a token be read by $title', async ({ spec, want }) => {
    const sources = [{ serviceAccountToken: { path: 'token' } }];
    const path = await mount([{ name: 'v', projected: { sources, defaultMode: 0o644 } }], spec);

    expect(await modeOf(join(path(), 'token'))).toBe(want);
  });

  it('takes a new token when 80 % of the life of the old one is over', async () => {
    const volume = { name: 'v', projected: { sources: [{ serviceAccountToken: { path: 'token', expirationSeconds: 600 } }] } };
    const read = async () => readFile(join((await mount([volume]))(), 'token'), 'utf8');
    const first = await read();
    await clock.advance(470_000);
    const same = await read();
    await clock.advance(20_000);

    const next = await read();

    expect(same).toBe(first);
    expect(next).not.toBe(first);
  });

  it('minds no volume that no container mounts', async () => {
    const volumes = [{ name: 'v', configMap: { name: 'missing' } }];

    await expect(manager.mount(podWith(volumes, { containers: [{ name: 'web' }] }), DOWNWARD)).resolves.toEqual(new Map());
  });

  it('tells of each volume that is not ready', async () => {
    const messages = await failure([
      { name: 'v', configMap: { name: 'x' } },
      { name: 'w', secret: { secretName: 'y' } },
    ]);

    expect(messages).toHaveLength(2);
  });

  it('keeps secrets in memory, where there is any, and takes them away', async () => {
    const memoryRoot = await memory();
    use({ ...NO_MOUNTS, memoryRoot });
    const path = await mount([{ name: 'v', secret: { secretName: 's' } }]);
    expect(path().startsWith(`${memoryRoot}/`)).toBe(true);
    expect(await manager.known()).toEqual([UID]);

    await manager.unmount(UID);

    await expect(stat(path())).rejects.toThrow('ENOENT');
    expect(await manager.known()).toEqual([]);
  });

  it.each([
    { title: 'others may read', prepare: (path: string) => mkdir(path).then(() => chmod(path, 0o777)) },
    { title: 'is a link', prepare: (path: string) => mkdir(`${path}-other`).then(() => symlink(`${path}-other`, path)) },
  ])('keeps no secret in a directory in memory that $title', async ({ prepare }) => {
    const memoryRoot = await memory();
    await prepare(join(memoryRoot, `keelson-${process.getuid?.()}`));
    use({ ...NO_MOUNTS, memoryRoot });

    const path = await mount([{ name: 'v', secret: { secretName: 's' } }]);

    expect(path().startsWith(`${rootDir}/`)).toBe(true);
  });

  it('sweeps from memory what belongs to directories that are gone, and nothing else', async () => {
    const memoryRoot = await memory();
    use({ ...NO_MOUNTS, memoryRoot });
    const path = await mount([{ name: 'v', secret: { secretName: 's' } }]);
    await mkdir(rootDir, { recursive: true });
    const [shared = ''] = await readdir(memoryRoot);
    const other = join(memoryRoot, shared, 'other');
    await mkdir(other);
    await symlink(join(scratch, 'gone'), join(other, 'owner'));

    await manager.sweep();

    await expect(stat(other)).rejects.toThrow('ENOENT');
    expect(await readFile(join(path(), 'p'), 'utf8')).toBe('secret');
  });
});

describe('volumes of claims', () => {
  const volume: Volume = { name: 'v', persistentVolumeClaim: { claimName: 'data' } };
  const onNode = (name: string) => ({
    required: { nodeSelectorTerms: [{ matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: [name] }] }] },
  });

  function claim(
    status: PersistentVolumeClaim['status'] = { phase: 'Bound' },
    metadata: PersistentVolumeClaim['metadata'] = {},
  ): void {
    client.create(PersistentVolumeClaim, {
      metadata: { name: 'data', namespace: 'default', uid: 'c1', ...metadata },
      spec: { volumeName: 'pv' },
      status,
    });
  }
  function persistent(spec: PersistentVolume['spec']): void {
    client.create(PersistentVolume, { metadata: { name: 'pv' }, spec: { claimRef: { uid: 'c1' }, ...spec } });
  }
  const unprocessed = (why: string): string[] => [
    `Unable to attach or mount volumes: unmounted volumes=[v], unattached volumes=[], failed to process volumes=[v]: error processing PVC default/data: ${why}`,
  ];

  it('uses the directory of a local volume, and leaves it when the pod goes', async () => {
    const path = join(scratch, 'disk');
    await mkdir(path);
    await writeFile(join(path, 'file'), 'kept');
    claim();
    persistent({ local: { path }, nodeAffinity: onNode('n1') });

    const ready = await mount([volume]);
    await manager.unmount(UID);

    expect(ready()).toBe(path);
    expect(await readFile(join(path, 'file'), 'utf8')).toBe('kept');
  });

  it('asks the API once', async () => {
    claim();
    persistent({ hostPath: { path: join(scratch, 'h'), type: 'DirectoryOrCreate' } });
    await mount([volume]);
    client.down = true;

    expect((await mount([volume]))()).toBe(join(scratch, 'h'));
  });

  it.each<{ title: string; prepare: () => void; messages: string[] }>([
    {
      title: 'a claim that is not there',
      prepare: () => undefined,
      messages: unprocessed('failed to fetch PVC from API server: persistentvolumeclaims "data" not found'),
    },
    { title: 'a claim without a volume', prepare: () => claim({ phase: 'Pending' }), messages: unprocessed('PVC is not bound') },
    {
      title: 'a claim that is going',
      prepare: () => claim(undefined, { deletionTimestamp: '2026-01-01T00:00:00Z' }),
      messages: unprocessed('PVC is being deleted'),
    },
    {
      title: 'a volume of another claim',
      prepare: () => (claim(), persistent({ claimRef: { uid: 'c2' } })),
      messages: unprocessed('PV pv is not bound to PVC uid c1'),
    },
    {
      title: 'a block device',
      prepare: () => (claim(), persistent({ volumeMode: 'Block' })),
      messages: unprocessed('volume v has volumeMode Block, but is specified in volumeMounts'),
    },
    {
      title: 'a volume of another node',
      prepare: () => (claim(), persistent({ local: { path: '/x' }, nodeAffinity: onNode('n2') })),
      messages: ['MountVolume.NodeAffinity check failed for volume "pv" : no matching NodeSelectorTerms'],
    },
    {
      title: 'a local path that is not there',
      prepare: () => (claim(), persistent({ local: { path: '/none' } })),
      messages: ['MountVolume.NewMounter initialization failed for volume "pv" : path "/none" does not exist'],
    },
    {
      title: 'a driver that is unknown here',
      prepare: () => (claim(), persistent({ csi: { driver: 'd', volumeHandle: 'h' } })),
      messages: [
        'MountVolume.SetUp failed for volume "pv" : no volume plugin matched for "pv" (csi): this node knows local, hostPath and nfs',
      ],
    },
  ])('tells of $title', async ({ prepare, messages }) => {
    prepare();

    expect(await failure([volume])).toEqual(messages);
  });

  it('takes no claim for an ephemeral volume that was made for another pod', async () => {
    client.create(PersistentVolumeClaim, { metadata: { name: 'p-e', namespace: 'default' }, status: { phase: 'Bound' } });

    const [message] = await failure([{ name: 'e', ephemeral: { volumeClaimTemplate: { spec: {} } } }]);

    expect(message).toContain('PVC default/p-e was not created for pod default/p (pod is not owner)');
  });

  it('refuses block devices of containers', async () => {
    const containers = [{ name: 'web', volumeDevices: [{ name: 'v', devicePath: '/dev/x' }] }];

    expect(await failure([volume], { containers })).toEqual([
      'MapVolume.SetUpDevice failed for volume "v" : block devices are not supported by this node',
    ]);
  });

  it.runIf(process.getuid?.() === 0 || process.env['CI'])('gives a volume to a group once for each pod', async () => {
    const path = join(scratch, 'disk');
    await mkdir(path);
    await writeFile(join(path, 'file'), 'x', { mode: 0o600 });
    claim();
    persistent({ local: { path } });
    await mount([volume], { securityContext: { fsGroup: 3000 } });
    expect(await modeOf(join(path, 'file'))).toBe('660');
    await writeFile(join(path, 'own'), 'x', { mode: 0o600 });
    use(NO_MOUNTS);

    await mount([volume], { securityContext: { fsGroup: 3000 } });

    expect(await modeOf(join(path, 'own'))).toBe('600');
  });
});

describe('NFS', () => {
  /** There is no NFS server in a test; what would be mounted is written down. */
  class WrittenMounts implements Mounter {
    readonly canMount = true;
    readonly memoryRoot = undefined;
    readonly requests: MountRequest[] = [];
    points: string[] = [];
    fails = false;
    hidesAll = false;

    async mount(request: MountRequest): Promise<void> {
      if (this.fails) throw new Error('mount.nfs: Connection timed out');
      this.requests.push(request);
      this.points.push(request.target);
    }
    async makeReadOnly(): Promise<void> {}
    async unmount(target: string): Promise<void> {
      this.points = this.points.filter((point) => point !== target);
    }
    async mountPoints(): Promise<readonly string[]> {
      if (this.hidesAll) throw new Error('cannot read /proc/self/mounts');
      return this.points;
    }
  }
  const volume: Volume = { name: 'v', nfs: { server: 'fd00::1', path: '/export', readOnly: true } };
  let written: WrittenMounts;

  beforeEach(() => {
    written = new WrittenMounts();
    use(written);
  });
  afterEach(() => Object.assign(written, { hidesAll: false, points: [] }));

  it('is mounted once, also by a kubelet that takes over, and unmounted with the pod', async () => {
    const path = await mount([volume]);
    use(written);
    await mount([volume]);

    expect(written.requests).toEqual([{ source: '[fd00::1]:/export', target: path(), type: 'nfs', options: ['ro'] }]);
    await manager.unmount(UID);
    expect(written.points).toEqual([]);
    expect(await manager.known()).toEqual([]);
  });

  it('says why it cannot be mounted', async () => {
    written.fails = true;

    expect(await failure([volume])).toEqual(['MountVolume.SetUp failed for volume "v" : mount.nfs: Connection timed out']);
  });

  it.each([
    { title: 'it is still mounted', break_: () => void (written.unmount = async () => undefined), why: 'is still mounted' },
    { title: 'nobody can say what is mounted', break_: () => void (written.hidesAll = true), why: 'cannot read' },
    { title: 'its mount is not listed', break_: () => void (written.points = []), why: 'ENOTEMPTY' },
  ])('deletes no file of a server when $title', async ({ break_, why }) => {
    const path = await mount([volume]);
    await writeFile(join(path(), 'file'), 'on the server');
    break_();

    await expect(manager.unmount(UID)).rejects.toThrow(why);

    expect(await readFile(join(path(), 'file'), 'utf8')).toBe('on the server');
    await rm(path(), { recursive: true });
  });
});

describe.runIf(canMount || process.env['CI'])('volumes that are mounted', () => {
  beforeEach(() => use(new SystemMounter()));

  const mounts = async (): Promise<string[]> => (await mounter.mountPoints()).filter((path) => path.startsWith(rootDir));

  it('makes an emptyDir in memory, as large as it may be, and again if its mount was lost', async () => {
    const volume = { name: 'v', emptyDir: { medium: 'Memory', sizeLimit: '1Mi' } };
    const path = await mount([volume]);
    await writeFile(join(path(), 'file'), Buffer.alloc(500_000));

    await expect(writeFile(join(path(), 'more'), Buffer.alloc(800_000))).rejects.toThrow('ENOSPC');
    expect(await modeOf(path())).toBe('777');
    await mount([volume]);
    expect(await readdir(path())).toContain('file');
    await mounter.unmount(path());
    await mount([volume]);
    expect(await mounts()).toEqual([path()]);

    await manager.unmount(UID);
    expect(await mounts()).toEqual([]);
  });

  it('mounts a subPath, and the same place again for the next container', async () => {
    const disk = join(scratch, 'disk');
    await mkdir(join(disk, 'a'), { recursive: true });
    await writeFile(join(disk, 'a/file'), 'kept');
    const pod = podWith([{ name: 'v', hostPath: { path: disk } }]);
    const volumes = await manager.mount(pod, DOWNWARD);
    const prepare = async (subPath: string): Promise<string> => {
      const container = { name: 'web', volumeMounts: [{ ...mountOf('v'), subPath }] };
      const [found] = await manager.containerMounts({ podUid: UID, container, volumes, env: [], images: new Map() });
      return found?.hostPath ?? '';
    };

    const first = await prepare('a');
    expect(await readFile(join(first, 'file'), 'utf8')).toBe('kept');
    expect(await prepare('a')).toBe(first);
    expect(await mounts()).toEqual([first]);
    await prepare('b');
    expect(await readdir(first)).toEqual([]);
    await manager.unmount(UID);

    expect(await mounts()).toEqual([]);
    expect(await readFile(join(disk, 'a/file'), 'utf8')).toBe('kept');
  });

  it('clears up after a kubelet that was killed', async () => {
    const disk = join(scratch, 'disk');
    await mkdir(disk);
    await writeFile(join(disk, 'file'), 'kept');
    const volume = { name: 'v', hostPath: { path: disk } };
    const volumes = await manager.mount(podWith([volume, { name: 'm', emptyDir: { medium: 'Memory' } }]), DOWNWARD);
    const container = { name: 'web', volumeMounts: [{ ...mountOf('v'), subPath: 'file' }] };
    await manager.containerMounts({ podUid: UID, container, volumes, env: [], images: new Map() });
    expect(await mounts()).toHaveLength(2);
    use(new SystemMounter());

    expect(await manager.known()).toEqual([UID]);
    await manager.unmount(UID);

    expect(await mounts()).toEqual([]);
    expect(await manager.known()).toEqual([]);
    expect(await readFile(join(disk, 'file'), 'utf8')).toBe('kept');
  });
});
