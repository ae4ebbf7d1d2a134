import { normalize } from 'node:path';
import { errorMessage, KeelsonError } from '@keelson/base';
import type { Container, VolumeMount } from '@keelson/api/core/v1';
import type { ImageStatus, Mount } from '@keelson/runtime';
import { expand } from '../env/expand.ts';
import type { ReadOnlyTrees } from './read-only-trees.ts';
import type { SubPaths } from './sub-paths.ts';

/** A volume that is there. */
export interface MountedVolume {
  readonly path: string;
  /** No container may write to it. */
  readonly readOnly: boolean;
}

/** The volumes of a pod by name. */
export type MountedVolumes = ReadonlyMap<string, MountedVolume>;

export interface ContainerMountsInput {
  readonly podUid: string;
  readonly container: Container;
  readonly volumes: MountedVolumes;
  /** Of volumes that are images. */
  readonly images: ReadonlyMap<string, ImageStatus>;
  readonly env: readonly { readonly name: string; readonly value: string }[];
  readonly subPaths: SubPaths;
  readonly readOnlyTrees: ReadOnlyTrees;
}

/** The mounts of a container. Makes directories of a subPath that are not there yet. */
export async function containerMounts(input: ContainerMountsInput): Promise<Mount[]> {
  const mounts: Mount[] = [];
  for (const [at, mount] of (input.container.volumeMounts ?? []).entries()) mounts.push(await mountOf(mount, at, input));
  return mounts;
}

async function mountOf(mount: VolumeMount, at: number, input: ContainerMountsInput): Promise<Mount> {
  const { podUid, container, env, images, readOnlyTrees, subPaths, volumes } = input;
  const containerPath = mount.mountPath.startsWith('/') ? mount.mountPath : `/${mount.mountPath}`;
  const image = images.get(mount.name);
  if (image) return { hostPath: '', image: { id: image.id, subPath: subPathOf(mount, env) }, containerPath, readOnly: true };
  const volume = volumes.get(mount.name);
  if (!volume) {
    throw new KeelsonError('NotFound', `cannot find volume "${mount.name}" to mount into container "${container.name}"`);
  }
  const isRecursive = isReadOnlyRecursively(mount, readOnlyTrees.canMount);
  const subPath = subPathOf(mount, env);
  const request = { podUid, volume: mount.name, mount: `${container.name}/${at}` };
  const path =
    subPath === '' ? volume.path : await prepared(subPaths.prepare({ ...request, root: volume.path, subPath }), mount, container);
  return {
    hostPath: isRecursive ? await readOnlyTrees.prepare({ ...request, path }) : path,
    containerPath,
    readOnly: (mount.readOnly ?? false) || volume.readOnly,
    ...propagationOf(mount.mountPropagation),
  };
}

/** Pure: whether nothing below a mount can be written to either. Throws where that is asked for and cannot be. */
export function isReadOnlyRecursively(
  { name, readOnly, recursiveReadOnly = 'Disabled' }: VolumeMount,
  canMount: boolean,
): boolean {
  if (!readOnly || recursiveReadOnly === 'Disabled') return false;
  if (canMount || recursiveReadOnly === 'IfPossible') return canMount;
  const why = `volume "${name}" requested recursive read-only mode, but it is not supported by the runtime`;
  throw new KeelsonError('BadRequest', `failed to resolve recursive read-only mode: ${why}`);
}

function subPathOf({ subPath = '', subPathExpr }: VolumeMount, env: ContainerMountsInput['env']): string {
  const values = new Map(env.map(({ name, value }) => [name, value]));
  const found = subPathExpr ? expand(subPathExpr, (name) => values.get(name) ?? missing(name)) : subPath;
  if (found.startsWith('/')) {
    throw new KeelsonError('BadRequest', `error SubPath \`${found}\` must not be an absolute path`);
  }
  if (found.split('/').includes('..')) {
    throw new KeelsonError('BadRequest', `unable to provision SubPath \`${found}\`: must not contain '..'`);
  }
  return found === '' || normalize(found) === '.' ? '' : found;
}

function missing(name: string): never {
  throw new KeelsonError('BadRequest', `missing value for "${name}"`);
}

async function prepared(path: Promise<string>, { name }: VolumeMount, container: Container): Promise<string> {
  try {
    return await path;
  } catch (cause) {
    const what = `failed to prepare subPath for volumeMount "${name}" of container "${container.name}"`;
    throw new KeelsonError('BadRequest', `${what}: ${errorMessage(cause)}`, { cause });
  }
}

function propagationOf(value: string | undefined): Pick<Mount, 'propagation'> {
  if (value === 'HostToContainer') return { propagation: 'host-to-container' };
  return value === 'Bidirectional' ? { propagation: 'bidirectional' } : {};
}
