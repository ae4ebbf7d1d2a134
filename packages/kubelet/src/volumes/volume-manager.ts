import { chmod, mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { nameOf } from '@keelson/api';
import { errorMessage, KeelsonError, type Clock, type Logger } from '@keelson/base';
import type { Node, Pod, Volume } from '@keelson/api/core/v1';
import type { Client } from '@keelson/client';
import type { Mount } from '@keelson/runtime';
import type { ConfigReader } from '../env/container-env.ts';
import type { DownwardContext } from '../env/field-ref.ts';
import { writeAtomically } from './atomic-writer.ts';
import { claimedVolume } from './claim-volume.ts';
import { containerMounts, type ContainerMountsInput, type MountedVolume, type MountedVolumes } from './container-mounts.ts';
import { EMPTY_DIR, makeEmptyDir } from './empty-dir.ts';
import type { MeasurableVolume } from './measurable-volumes.ts';
import { prepareHostPath } from './host-path.ts';
import { failureOf, MountFailure, NamedFailure, unprocessed, type VolumeFailure } from './mount-failure.ts';
import { SystemMounter, type Mounter } from './mounter.ts';
import { payloadOf, type TokenReader } from './payload.ts';
import { mountNfs, setUpPersistent } from './persistent-volume.ts';
import { PodDirectories } from './pod-directories.ts';
import { WrittenPayloads } from './written-payloads.ts';
import { ReadOnlyTrees } from './read-only-trees.ts';
import { SubPaths } from './sub-paths.ts';

export interface VolumeManagerDependencies {
  readonly client: Client;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly config: ConfigReader;
  readonly tokens: TokenReader;
  readonly mounter: Mounter;
  /** The node as the API has it. */
  readonly node: () => Node | undefined;
  /** Pod directories live under `<rootDir>/pods/<uid>`. */
  readonly rootDir: string;
}

/** Makes the volumes of pods under one directory, keeps those made of API data up to date, and removes them. All calls are idempotent. */
export class VolumeManager {
  readonly #deps: VolumeManagerDependencies;
  readonly #directories: PodDirectories;
  readonly #subPaths: SubPaths;
  readonly #readOnlyTrees: ReadOnlyTrees;
  /** Volumes of claims that are ready, by pod and name: a claim keeps its volume, so there is nothing to ask again. */
  readonly #written = new WrittenPayloads();
  readonly #claimed = new Map<string, Map<string, MountedVolume>>();

  constructor(deps: VolumeManagerDependencies) {
    this.#deps = deps;
    this.#directories = new PodDirectories(deps.rootDir, deps.mounter);
    this.#subPaths = new SubPaths(this.#directories, deps.mounter);
    this.#readOnlyTrees = new ReadOnlyTrees(this.#directories, deps.mounter);
  }

  /** Whether it can make volumes read only with all that is mounted below them. */
  get canMountReadOnlyTrees(): boolean {
    return this.#readOnlyTrees.canMount;
  }

  podDirectory(uid: string): string {
    return this.#directories.of(uid);
  }

  /** The volumes of a pod that can be measured, of those that it has: emptyDirs, those made of API data, and those of claims. */
  async measurable({ metadata, spec }: Pod): Promise<readonly MeasurableVolume[]> {
    const { uid = '', name: podName = '' } = metadata ?? {};
    const found: MeasurableVolume[] = [];
    for (const volume of spec?.volumes ?? []) {
      const { name, configMap, emptyDir, ephemeral, persistentVolumeClaim } = volume;
      const claimed = this.#claimed.get(uid)?.get(name);
      const claim = persistentVolumeClaim?.claimName ?? (ephemeral && `${podName}-${name}`);
      if (emptyDir) {
        const path = this.#directories.volume(uid, EMPTY_DIR, name);
        found.push({ name, path, by: 'files', isEphemeral: emptyDir.medium !== 'Memory' });
      } else if (claimed && claim !== undefined) {
        found.push({ name, path: claimed.path, by: 'file-system', isEphemeral: false, claim });
      } else if (kindOf(volume) in PAYLOADS) {
        found.push({ name, path: await this.#payloadDirectory(uid, volume), by: 'files', isEphemeral: configMap !== undefined });
      }
    }
    return found;
  }

  /**
   * Makes ready the volumes that containers of the pod mount; the others nobody needs. Rejects with `MountFailure`. To be called again from
   * time to time for what changes: this is also how updates reach the files.
   */
  async mount(pod: Pod, downward: DownwardContext): Promise<MountedVolumes> {
    const ready = new Map<string, MountedVolume>();
    const failures: VolumeFailure[] = [];
    const used = mountedNames(pod);
    for (const volume of pod.spec?.volumes ?? []) {
      // An image is the runtime's to mount.
      if (!used.has(volume.name) || volume.image) continue;
      try {
        ready.set(volume.name, await this.#mountOne(pod, volume, downward));
      } catch (cause) {
        failures.push(failureOf(volume.name, cause));
      }
    }
    if (failures.length > 0) throw new MountFailure(failures);
    return ready;
  }

  /** What a container sees of the volumes that `mount` gave. */
  containerMounts(input: Omit<ContainerMountsInput, 'subPaths' | 'readOnlyTrees'>): Promise<Mount[]> {
    return containerMounts({ ...input, subPaths: this.#subPaths, readOnlyTrees: this.#readOnlyTrees });
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

  /** Of a pod whose containers are gone. What others may use beside it stays: volumes of claims, directories of the machine. */
  async unmount(uid: string): Promise<void> {
    this.#claimed.delete(uid);
    this.#written.forget(uid);
    await this.#directories.remove(uid);
  }

  /** Removes what kubelets that are gone for good have left in memory. Never rejects. */
  async sweep(): Promise<void> {
    const { logger } = this.#deps;
    await this.#directories
      .sweepMemory()
      .catch((error: unknown) => logger.warn('memory of other kubelets not swept', { error: errorMessage(error) }));
  }

  /** Uids of the pods that have a directory. */
  known(): Promise<readonly string[]> {
    return this.#directories.uids();
  }

  #terminationLog(uid: string, container: string, attempt: number): string {
    return join(this.podDirectory(uid), 'containers', container, `${attempt}.log`);
  }

  async #mountOne(pod: Pod, volume: Volume, downward: DownwardContext): Promise<MountedVolume> {
    const machine = { directories: this.#directories, mounter: this.#deps.mounter };
    const { uid = '' } = pod.metadata ?? {};
    const { name, hostPath, emptyDir, nfs } = volume;
    if (hostPath) return { path: await prepareHostPath(hostPath), readOnly: false };
    if (emptyDir) {
      const fsGroup = pod.spec?.securityContext?.fsGroup;
      return { path: await makeEmptyDir({ uid, name, source: emptyDir, fsGroup }, machine), readOnly: false };
    }
    if (nfs) return mountNfs(nfs, { uid, name, mountOptions: [], readOnly: false }, machine);
    if (volume.persistentVolumeClaim ?? volume.ephemeral) return this.#mountClaim(pod, volume);
    return { path: await this.#writePayload(pod, volume, downward), readOnly: true };
  }

  async #mountClaim(pod: Pod, source: Volume): Promise<MountedVolume> {
    const { uid = '' } = pod.metadata ?? {};
    const known = this.#claimed.get(uid)?.get(source.name);
    if (known) return known;
    const { volume, readOnly } = await claimedVolume(pod, source, this.#deps);
    const user = { uid, readOnly, security: pod.spec?.securityContext ?? {} };
    const machine = { directories: this.#directories, mounter: this.#deps.mounter };
    const mounted = await setUpPersistent(volume, user, machine).catch((cause: unknown) => {
      throw new NamedFailure(failureOf(nameOf(volume), cause).message, { cause });
    });
    this.#claimed.set(uid, (this.#claimed.get(uid) ?? new Map()).set(source.name, mounted));
    return mounted;
  }

  async #writePayload(pod: Pod, volume: Volume, downward: DownwardContext): Promise<string> {
    const { config, tokens, clock } = this.#deps;
    const { uid = '' } = pod.metadata ?? {};
    const payload = await payloadOf(volume, { pod, downward, config, tokens });
    const type = typeOf(volume);
    if (!payload) throw unprocessed(volume.name, `no volume plugin matched: "${type}" is not supported by this node`);
    const nowMs = clock.now();
    const directory = await this.#payloadDirectory(uid, volume);
    if (this.#written.isFresh(uid, volume.name, payload, nowMs)) return directory;
    await mkdir(directory, { recursive: true });
    await chmod(directory, 0o777);
    await writeAtomically(directory, payload, nowMs, pod.spec?.securityContext?.fsGroup);
    this.#written.note(uid, volume.name, payload, nowMs);
    return directory;
  }

  /** Whatever is not for everybody is kept in memory. */
  async #payloadDirectory(uid: string, volume: Volume): Promise<string> {
    const type = typeOf(volume);
    return volume.configMap
      ? this.#directories.volume(uid, type, volume.name)
      : this.#directories.secretVolume(uid, type, volume.name);
  }
}

/**
 * Removes all volumes that the kubelet of a directory has made for pods, and whatever it has mounted. For when it and its pods have gone for
 * good; data of claims and of the machine's own directories stay.
 */
export async function removeVolumes(rootDir: string, mounter: Mounter = new SystemMounter()): Promise<void> {
  await new PodDirectories(rootDir, mounter).removeAll();
}

/** Kinds of volumes that are made of API data, as they are called in paths. */
const PAYLOADS: Readonly<Record<string, string>> = {
  configMap: 'configmap',
  secret: 'secret',
  downwardAPI: 'downward-api',
  projected: 'projected',
};

function typeOf(volume: Volume): string {
  const kind = kindOf(volume);
  return PAYLOADS[kind] ?? kind;
}

function kindOf(volume: Volume): string {
  return Object.keys(volume).find((key) => key !== 'name') ?? 'unknown';
}

function mountedNames({ spec }: Pod): ReadonlySet<string> {
  const { containers = [], initContainers = [], ephemeralContainers = [] } = spec ?? {};
  const names = new Set<string>();
  for (const { volumeMounts = [], volumeDevices = [] } of [...containers, ...initContainers, ...ephemeralContainers]) {
    for (const { name } of volumeMounts) names.add(name);
    for (const { name } of volumeDevices) throw new MountFailure([blockDevice(name)]);
  }
  return names;
}

function blockDevice(name: string): VolumeFailure {
  const cause = new KeelsonError('BadRequest', 'block devices are not supported by this node');
  return { message: `MapVolume.SetUpDevice failed for volume "${name}" : ${cause.message}`, cause };
}
