import { errorMessage, type Clock, type Logger } from '@keelson/base';
import type { Pod } from '@keelson/api/core/v1';
import { diskUsage, type ContainerDiskUsage, type ContainerRuntime, type DiskUsage } from '@keelson/runtime';
import type { PodView } from '../pod/runtime-view.ts';
import type { MeasurableVolume } from '../volumes/measurable-volumes.ts';
import { within } from '../within.ts';
import { fileSystemUsage, type FileSystemUsage } from './machine.ts';
import type { ClaimDisk } from './volume-metrics.ts';

/** What a volume takes up, and what there is of it. */
export interface VolumeDisk extends MeasurableVolume {
  readonly used: DiskUsage;
  /** Of a volume with a file system of its own. */
  readonly fileSystem?: FileSystemUsage;
}

/** What a pod takes up. */
export interface PodDisk {
  readonly atMs: number;
  /** Of running containers, by name. */
  readonly containers: ReadonlyMap<string, ContainerDiskUsage>;
  readonly volumes: readonly VolumeDisk[];
  /** Its ephemeral storage: layers and logs of containers, and volumes that end with it. */
  readonly total: Required<DiskUsage>;
}

export interface PodDisksDependencies {
  readonly runtime: ContainerRuntime;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly view: (podUid: string) => PodView | undefined;
  readonly volumes: (pod: Pod) => Promise<readonly MeasurableVolume[]>;
}

/** The runtime may have to look at many files. */
const ANSWER_MS = 120_000;
const CLAIM_MS = 5_000;
/** Whoever wants to show it gets what was seen up to so long ago. */
const RECENT_MS = 60_000;
const NEVER = new AbortController().signal;

/** What pods take up on disks. To find out, each of their files is looked at: it is done when somebody has to know, and for as few pods as can be. */
export class PodDisks {
  readonly #deps: PodDisksDependencies;
  #recent: Promise<ReadonlyMap<string, PodDisk>> | undefined;
  #recentAtMs = 0;

  constructor(deps: PodDisksDependencies) {
    this.#deps = deps;
  }

  /** By uid. What the runtime does not tell is left out. */
  async look(pods: readonly Pod[], signal: AbortSignal = NEVER): Promise<ReadonlyMap<string, PodDisk>> {
    const only = pods.length === 1 ? { podUid: uidOf(pods[0]) } : undefined;
    const byId = new Map((await this.#containers(signal, only)).map((usage) => [usage.containerId, usage]));
    const found = new Map<string, PodDisk>();
    for (const pod of pods) {
      signal.throwIfAborted();
      const disk = await this.#podDisk(pod, byId).catch((error: unknown) => this.#failed(pod, error));
      if (disk) found.set(uidOf(pod), disk);
    }
    return found;
  }

  /** As of a minute ago at most. */
  recent(pods: readonly Pod[]): Promise<ReadonlyMap<string, PodDisk>> {
    const nowMs = this.#deps.clock.now();
    if (this.#recent && nowMs - this.#recentAtMs < RECENT_MS) return this.#recent;
    this.#recentAtMs = nowMs;
    this.#recent = this.look(pods);
    return this.#recent;
  }

  /** What one volume of a pod takes up. */
  async volume({ path, by }: Pick<MeasurableVolume, 'path' | 'by'>): Promise<Pick<VolumeDisk, 'used' | 'fileSystem'>> {
    if (by === 'files') return { used: await diskUsage(path) };
    const fileSystem = await fileSystemUsage(path);
    const { inodes = 0, inodesFree = 0, usedBytes = 0 } = fileSystem ?? {};
    return { used: { usedBytes, inodesUsed: inodes - inodesFree }, ...(fileSystem && { fileSystem }) };
  }

  /** The file systems of claims that the pods use, each once. One that does not answer in time, as a server's may, is left out. */
  async claims(pods: readonly Pod[]): Promise<readonly ClaimDisk[]> {
    const found = new Map<string, Promise<ClaimDisk | undefined>>();
    for (const pod of pods) {
      const namespace = pod.metadata?.namespace ?? '';
      for (const { claim, path } of await this.#deps.volumes(pod)) {
        const key = `${namespace}/${claim}`;
        if (claim !== undefined && !found.has(key)) found.set(key, this.#claim({ namespace, claim }, path));
      }
    }
    return (await Promise.all(found.values())).filter((disk) => disk !== undefined);
  }

  async #claim(name: Pick<ClaimDisk, 'namespace' | 'claim'>, path: string): Promise<ClaimDisk | undefined> {
    const limit = { clock: this.#deps.clock, ms: CLAIM_MS, signal: NEVER };
    const fileSystem = await within(limit, () => fileSystemUsage(path)).catch(() => undefined);
    return fileSystem && { ...name, fileSystem };
  }

  async #containers(signal: AbortSignal, only: { readonly podUid: string } | undefined): Promise<readonly ContainerDiskUsage[]> {
    const { clock, logger, runtime } = this.#deps;
    if (!runtime.diskUsage) return [];
    try {
      return await within({ clock, ms: ANSWER_MS, signal }, async (inTime) => runtime.diskUsage?.(inTime, only) ?? []);
    } catch (error) {
      if (!signal.aborted) logger.warn('disks of containers not measured', { error: errorMessage(error) });
      return [];
    }
  }

  async #podDisk(pod: Pod, byId: ReadonlyMap<string, ContainerDiskUsage>): Promise<PodDisk> {
    const running = this.#deps.view(uidOf(pod))?.containers.filter(({ state }) => state === 'running') ?? [];
    const containers = new Map(
      running.flatMap(({ id, name }): [string, ContainerDiskUsage][] => {
        const usage = byId.get(id);
        return usage ? [[name, usage]] : [];
      }),
    );
    const volumes: VolumeDisk[] = [];
    for (const volume of await this.#deps.volumes(pod)) volumes.push({ ...volume, ...(await this.volume(volume)) });
    const parts = [
      ...[...containers.values()].flatMap(({ logs, writableLayer }) => [logs, writableLayer]),
      ...volumes.filter(({ isEphemeral }) => isEphemeral).map(({ used }) => used),
    ];
    return { atMs: this.#deps.clock.now(), containers, volumes, total: sumOf(parts) };
  }

  #failed(pod: Pod, error: unknown): undefined {
    this.#deps.logger.warn('volumes of a pod not measured', { pod: pod.metadata?.name, error: errorMessage(error) });
  }
}

/** What a container takes up beside volumes. */
export function containerBytes({ logs, writableLayer }: ContainerDiskUsage): number {
  return (logs?.usedBytes ?? 0) + (writableLayer?.usedBytes ?? 0);
}

function sumOf(parts: readonly (DiskUsage | undefined)[]): Required<DiskUsage> {
  let [usedBytes, inodesUsed] = [0, 0];
  for (const part of parts) {
    usedBytes += part?.usedBytes ?? 0;
    inodesUsed += part?.inodesUsed ?? 0;
  }
  return { usedBytes, inodesUsed };
}

function uidOf(pod: Pod | undefined): string {
  return pod?.metadata?.uid ?? '';
}
