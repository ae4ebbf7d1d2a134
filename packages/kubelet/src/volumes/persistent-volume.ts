import { mkdir, stat } from 'node:fs/promises';
import { nameOf } from '@keelson/api';
import { KeelsonError } from '@keelson/base';
import type { NFSVolumeSource, PersistentVolume, PodSecurityContext } from '@keelson/api/core/v1';
import type { MountedVolume } from './container-mounts.ts';
import { prepareHostPath } from './host-path.ts';
import { NamedFailure } from './mount-failure.ts';
import type { Mounter } from './mounter.ts';
import { giveToGroup } from './ownership.ts';
import { exists, type PodDirectories } from './pod-directories.ts';

interface Machine {
  readonly directories: PodDirectories;
  readonly mounter: Mounter;
}

/** Whose the volume is to be. */
interface User {
  readonly uid: string;
  readonly security: PodSecurityContext;
  readonly readOnly: boolean;
}

/** Makes a PersistentVolume ready for a pod. */
export async function setUpPersistent(volume: PersistentVolume, user: User, machine: Machine): Promise<MountedVolume> {
  const { local, hostPath, nfs, mountOptions = [] } = volume.spec ?? {};
  const { readOnly } = user;
  if (hostPath) return { path: await prepareHostPath(hostPath), readOnly };
  if (nfs) return mountNfs(nfs, { uid: user.uid, name: nameOf(volume), mountOptions, readOnly }, machine);
  if (local) return { path: await setUpLocal(nameOf(volume), local.path, { user, machine }), readOnly };
  const [source = 'none'] = Object.keys(volume.spec ?? {}).filter((key) => !NO_SOURCES.has(key));
  throw new KeelsonError(
    'BadRequest',
    `no volume plugin matched for "${nameOf(volume)}" (${source}): this node knows local, hostPath and nfs`,
  );
}

/** What a volume has beside a source, if it has one that is unknown here. */
const NO_SOURCES = new Set([
  'accessModes',
  'capacity',
  'claimRef',
  'mountOptions',
  'nodeAffinity',
  'persistentVolumeReclaimPolicy',
  'storageClassName',
  'volumeAttributesClassName',
  'volumeMode',
]);

/** The volume is given to the pod's group once: its own processes may set other rights later. */
async function setUpLocal(
  name: string,
  path: string,
  { user, machine }: { readonly user: User; readonly machine: Machine },
): Promise<string> {
  if (!(await stat(path).catch(() => undefined))) {
    throw new NamedFailure(`MountVolume.NewMounter initialization failed for volume "${name}" : path "${path}" does not exist`);
  }
  const mark = machine.directories.volume(user.uid, 'local-volume', name);
  if (await exists(mark)) return path;
  if (!user.readOnly) await giveToGroup(path, user.security);
  await mkdir(mark, { recursive: true });
  return path;
}

/** Mounts a remote directory for a pod, once. */
export async function mountNfs(
  { server, path, readOnly: onlyReads = false }: NFSVolumeSource,
  {
    uid,
    name,
    mountOptions,
    readOnly,
  }: { readonly uid: string; readonly name: string; readonly mountOptions: readonly string[]; readonly readOnly: boolean },
  { directories, mounter }: Machine,
): Promise<MountedVolume> {
  const directory = directories.volume(uid, 'nfs', name);
  const isReadOnly = readOnly || onlyReads;
  const isMounted = (await exists(directory)) && (await mounter.mountPoints()).includes(directory);
  if (!isMounted) {
    await directories.mark(uid);
    await mkdir(directory, { recursive: true, mode: 0o750 });
    const source = `${server.includes(':') && !server.startsWith('[') ? `[${server}]` : server}:${path}`;
    await mounter.mount({ source, target: directory, type: 'nfs', options: [...mountOptions, ...(isReadOnly ? ['ro'] : [])] });
  }
  return { path: directory, readOnly: isReadOnly };
}
