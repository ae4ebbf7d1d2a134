import { execFile } from 'node:child_process';
import { chmod, chown, mkdir, readFile, readdir, realpath, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join, normalize, resolve } from 'node:path';
import { promisify } from 'node:util';
import { parseQuantity } from '@keelson/api';
import { errorMessage, KeelsonError, type Clock } from '@keelson/base';
import type { Container, Pod, Volume } from '@keelson/api/core/v1';
import type { Mount } from '@keelson/runtime';
import type { ConfigReader } from '../env/container-env.ts';
import { expand } from '../env/expand.ts';
import type { DownwardContext } from '../env/field-ref.ts';
import { writeAtomically } from './atomic-writer.ts';
import { prepareHostPath } from './host-path.ts';
import { payloadOf, type TokenReader } from './payload.ts';

const run = promisify(execFile);

export interface VolumeManagerDependencies {
  readonly clock: Clock;
  readonly config: ConfigReader;
  readonly tokens: TokenReader;
  /** Pod directories live under `<rootDir>/pods/<uid>`. */
  readonly rootDir: string;
}

/** Where each volume of a pod is on the node, by name. */
export type VolumePaths = ReadonlyMap<string, string>;

/** A volume that could not be set up; `message` is what the FailedMount event says. */
export class MountFailure extends KeelsonError {
  constructor(volume: string, cause: unknown) {
    super('ServiceUnavailable', `MountVolume.SetUp failed for volume "${volume}" : ${errorMessage(cause)}`, { cause });
  }
}

/** Makes the volumes of pods under one directory, keeps those made of API data up to date, and removes them. All calls are idempotent. */
export class VolumeManager {
  readonly #deps: VolumeManagerDependencies;

  constructor(deps: VolumeManagerDependencies) {
    this.#deps = deps;
  }

  podDirectory(uid: string): string {
    return join(this.#deps.rootDir, 'pods', uid);
  }

  /** Rejects with `MountFailure`. To be called again from time to time for what changes: this is also how updates reach the files. */
  async mount(pod: Pod, downward: DownwardContext): Promise<VolumePaths> {
    const paths = new Map<string, string>();
    for (const volume of pod.spec?.volumes ?? []) {
      try {
        paths.set(volume.name, await this.#mountOne(pod, volume, downward));
      } catch (cause) {
        throw new MountFailure(volume.name, cause);
      }
    }
    return paths;
  }

  /** Files for one container that are no volumes: where it leaves its last words. */
  async terminationLog(uid: string, container: string, attempt: number): Promise<string> {
    const path = this.#terminationLog(uid, container, attempt);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, '', { flag: 'a' });
    await chmod(path, 0o666);
    return path;
  }

  async removeTerminationLog(uid: string, container: string, attempt: number): Promise<void> {
    await rm(this.#terminationLog(uid, container, attempt), { force: true });
  }

  async unmount(uid: string): Promise<void> {
    const directory = this.podDirectory(uid);
    // Only these may be mounts of ours, and to read all mounts of the machine takes long.
    const mounts = (await exists(join(directory, 'volumes', EMPTY_DIRS))) ? await mountsUnder(directory) : [];
    for (const mounted of mounts) await run('umount', [mounted]).catch(() => run('umount', ['-l', mounted]));
    await rm(directory, { recursive: true, force: true });
  }

  /** Uids of the pods that have a directory. */
  async known(): Promise<readonly string[]> {
    return readdir(join(this.#deps.rootDir, 'pods')).catch(() => []);
  }

  #terminationLog(uid: string, container: string, attempt: number): string {
    return join(this.podDirectory(uid), 'containers', container, `${attempt}.log`);
  }

  async #mountOne(pod: Pod, volume: Volume, downward: DownwardContext): Promise<string> {
    if (volume.hostPath) return prepareHostPath(volume.hostPath);
    const uid = pod.metadata?.uid ?? '';
    const gid = pod.spec?.securityContext?.fsGroup;
    const directory = join(this.podDirectory(uid), 'volumes', `kubernetes.io~${typeOf(volume)}`, volume.name);
    if (volume.emptyDir) {
      await makeEmptyDir(directory, volume.emptyDir.medium === 'Memory' ? (volume.emptyDir.sizeLimit ?? '') : undefined, gid);
      return directory;
    }
    const payload = await payloadOf(volume, { pod, downward, config: this.#deps.config, tokens: this.#deps.tokens });
    if (!payload) throw new KeelsonError('BadRequest', `no volume plugin matched for "${typeOf(volume)}"`);
    await mkdir(directory, { recursive: true });
    await writeAtomically(directory, payload, this.#deps.clock.now(), gid);
    return directory;
  }
}

const TYPES = {
  configMap: 'configmap',
  secret: 'secret',
  downwardAPI: 'downward-api',
  emptyDir: 'empty-dir',
  projected: 'projected',
} as const;

const EMPTY_DIRS = `kubernetes.io~${TYPES.emptyDir}`;

function typeOf(volume: Volume): string {
  const [type = 'unknown'] = Object.keys(volume).filter((key) => key !== 'name');
  return type in TYPES ? TYPES[type as keyof typeof TYPES] : type;
}

/** `memoryLimit`: undefined for a plain directory, `''` for one in memory without a limit. Without root, memory is a plain directory too. */
async function makeEmptyDir(directory: string, memoryLimit: string | undefined, gid: number | undefined): Promise<void> {
  if (await exists(directory)) return;
  await mkdir(directory, { recursive: true });
  const isRoot = process.getuid?.() === 0;
  if (memoryLimit !== undefined && isRoot) await mountTmpfs(directory, memoryLimit);
  if (gid !== undefined && isRoot) await chown(directory, -1, gid);
  await chmod(directory, gid === undefined ? 0o777 : 0o2777);
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined;
}

async function mountTmpfs(directory: string, limit: string): Promise<void> {
  const sizeBytes = limit === '' ? undefined : Number(parseQuantity(limit).value());
  const options = sizeBytes === undefined ? [] : ['-o', `size=${sizeBytes}`];
  // Where the kernel refuses (in a container without the right), a directory on disk has to do.
  await run('mount', ['-t', 'tmpfs', ...options, 'tmpfs', directory]).catch(() => undefined);
}

async function mountsUnder(directory: string): Promise<string[]> {
  if (process.platform !== 'linux') return [];
  const table = await readFile('/proc/self/mounts', 'utf8').catch(() => '');
  const root = `${resolve(directory)}/`;
  return table
    .split('\n')
    .map((line) => line.split(' ')[1] ?? '')
    .filter((path) => path.startsWith(root))
    .reverse();
}

/** The mounts of a container, from the paths of its pod's volumes. Makes the directory of a subPath that is not there yet. */
export async function containerMounts(
  container: Container,
  paths: VolumePaths,
  env: readonly { readonly name: string; readonly value: string }[],
): Promise<Mount[]> {
  const values = new Map(env.map(({ name, value }) => [name, value]));
  const mounts: Mount[] = [];
  for (const mount of container.volumeMounts ?? []) {
    const root = paths.get(mount.name);
    if (root === undefined) throw new KeelsonError('NotFound', `volume "${mount.name}" not found`);
    const subPath = mount.subPathExpr ? expand(mount.subPathExpr, (name) => values.get(name)) : (mount.subPath ?? '');
    mounts.push({
      hostPath: subPath === '' ? root : await preparedSubPath(root, subPath),
      containerPath: mount.mountPath,
      readOnly: mount.readOnly ?? false,
      ...propagationOf(mount.mountPropagation),
    });
  }
  return mounts;
}

async function preparedSubPath(root: string, subPath: string): Promise<string> {
  if (subPath.startsWith('/') || normalize(subPath).split('/').includes('..')) {
    throw new KeelsonError('BadRequest', `subPath must be relative and not leave the volume: "${subPath}"`);
  }
  const path = join(root, subPath);
  if (!(await exists(path))) await mkdir(path, { recursive: true, mode: 0o750 });
  const [real, realRoot] = [await realpath(path), await realpath(root)];
  if (real !== realRoot && !real.startsWith(`${realRoot}/`)) {
    throw new KeelsonError('BadRequest', `subPath "${subPath}" leaves the volume through a symbolic link`);
  }
  return real;
}

function propagationOf(value: string | undefined): Pick<Mount, 'propagation'> {
  if (value === 'HostToContainer') return { propagation: 'host-to-container' };
  return value === 'Bidirectional' ? { propagation: 'bidirectional' } : {};
}
