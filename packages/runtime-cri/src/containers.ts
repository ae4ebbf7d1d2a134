import { readdir, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { errorMessage, isReason, KeelsonError } from '@keelson/base';
import type { Received } from '@keelson/grpc';
import type { ContainerConfig, ContainerResources, ContainerStatus, PodFilter } from '@keelson/runtime';
import {
  CONTAINER_STATUS,
  CREATE_CONTAINER,
  LIST_CONTAINERS,
  REMOVE_CONTAINER,
  START_CONTAINER,
  STOP_CONTAINER,
  UPDATE_CONTAINER_RESOURCES,
} from './api/methods.ts';
import { CONTAINER_STATES, type ContainerStatus as CriContainerStatus, type ListedContainer } from './api/parts.ts';
import type { CriClient } from './cri-client.ts';
import { refuseImages } from './image-volumes.ts';
import { recordOf, selectorOf, withoutOwn, type ContainerRecord } from './record.ts';
import { epochMs, undefinedIfGone, unlessGone, type Sandboxes } from './sandboxes.ts';
import { checkSeccompProfile, refuseUnknownUser } from './refusals.ts';
import { containerSpec, resourcesSpec, sandboxSpec, type NodeSettings } from './specs.ts';

export interface KnownContainer {
  readonly status: ContainerStatus;
  readonly record: ContainerRecord;
  readonly logPath: string;
}

export interface ContainersDependencies {
  readonly client: CriClient;
  readonly node: NodeSettings;
  readonly sandboxes: Sandboxes;
}

type Listed = Received<typeof ListedContainer>;

const CREATE_TIMEOUT_MS = 120_000;
/** What a runtime needs over the grace period to kill, and to tidy up. */
const STOP_SLACK_MS = 120_000;

/** The containers of pods, as the runtime has them. */
export class Containers {
  readonly #deps: ContainersDependencies;
  /** By id: what is known of one stays true until the runtime lists it in another state. */
  readonly #known = new Map<string, KnownContainer>();

  constructor(deps: ContainersDependencies) {
    this.#deps = deps;
  }

  async create(
    sandboxId: string,
    config: ContainerConfig,
    signal?: AbortSignal,
  ): Promise<{ readonly id: string; readonly podUid: string }> {
    const { client, node, sandboxes } = this.#deps;
    await checkSeccompProfile(config.security);
    await refuseImages(client, config, signal);
    const { record, status } = await sandboxes.get(sandboxId, signal);
    const { labels, annotations } = status;
    const request = {
      sandboxId,
      config: containerSpec(config, record, sandboxId, node),
      sandboxConfig: sandboxSpec({ ...record, labels, annotations }, node),
    };
    const call = { signal, timeoutMs: CREATE_TIMEOUT_MS };
    try {
      return { ...(await client.call(CREATE_CONTAINER, request, call)), podUid: record.pod.uid };
    } catch (error) {
      refuseUnknownUser(error, config.security);
      // Its name may be that of an older half, which gives way.
      if (isReason(error, 'ServiceUnavailable') || !(await this.#removeOlder(sandboxId, config, signal))) throw error;
    }
    return { ...(await client.call(CREATE_CONTAINER, request, call)), podUid: record.pod.uid };
  }

  async start(id: string, signal?: AbortSignal): Promise<void> {
    try {
      await this.#deps.client.call(START_CONTAINER, { id }, { signal, timeoutMs: CREATE_TIMEOUT_MS });
    } catch (error) {
      if (isReason(error, 'ServiceUnavailable', 'NotFound') || !isReason(error)) throw error;
      // The runtime answers: it is the process that cannot be started.
      throw new KeelsonError('BadRequest', errorMessage(error), { cause: error });
    } finally {
      this.#known.delete(id);
    }
  }

  async stop(id: string, graceSeconds: number, signal?: AbortSignal): Promise<void> {
    const timeout = Math.max(0, Math.ceil(graceSeconds));
    const call = { signal, timeoutMs: timeout * 1000 + STOP_SLACK_MS };
    await this.#deps.client.end(STOP_CONTAINER, { id, timeout }, call).catch(unlessGone);
    this.#known.delete(id);
  }

  async remove(id: string, signal?: AbortSignal): Promise<void> {
    const known = await this.get(id, signal).catch(undefinedIfGone);
    if (known?.status.state === 'running') await this.stop(id, 0, signal);
    const call = { signal, timeoutMs: CREATE_TIMEOUT_MS, isRepeatable: true };
    await this.#deps.client.end(REMOVE_CONTAINER, { id }, call).catch(unlessGone);
    this.#known.delete(id);
    if (known && known.logPath !== '') await removeLogs(known.logPath);
  }

  async all(signal?: AbortSignal, only?: PodFilter): Promise<readonly KnownContainer[]> {
    const found = await Promise.all((await this.listed(signal, only)).map((each) => this.#look(each, signal)));
    if (!only) this.#forgetAllBut(new Set(found.map((each) => each?.status.id ?? '')));
    return found.filter((each) => each !== undefined);
  }

  /** What the runtime lists, which is little of each. */
  async listed(signal?: AbortSignal, only?: PodFilter): Promise<readonly Listed[]> {
    const filter = { labelSelector: selectorOf(this.#deps.node.cluster, only?.podUid) };
    return (await this.#deps.client.call(LIST_CONTAINERS, { filter }, { signal, isRepeatable: true })).containers;
  }

  /** Rejects with `NotFound`, also for what is not ours. */
  async get(id: string, signal?: AbortSignal): Promise<KnownContainer> {
    const { status } = await this.#deps.client.call(CONTAINER_STATUS, { id }, { signal, isRepeatable: true });
    const known = status && knownContainer(status);
    if (!known) throw new KeelsonError('NotFound', `No such container: ${id}`);
    this.#known.set(id, known);
    return known;
  }

  /** Rejects with `BadRequest` if it does not run. */
  async running(id: string, signal?: AbortSignal): Promise<KnownContainer> {
    const known = await this.get(id, signal);
    if (known.status.state !== 'running') throw new KeelsonError('BadRequest', `Container ${id} is not running`);
    return known;
  }

  async update(id: string, resources: ContainerResources, signal?: AbortSignal): Promise<void> {
    const request = { id, linux: resourcesSpec(resources) };
    await this.#deps.client.call(UPDATE_CONTAINER_RESOURCES, request, { signal, isRepeatable: true });
  }

  async #look({ id, state }: Listed, signal: AbortSignal | undefined): Promise<KnownContainer | undefined> {
    const known = this.#known.get(id);
    if (known?.status.state === CONTAINER_STATES[state]) return known;
    return this.get(id, signal).catch(undefinedIfGone);
  }

  /** True if there was one. */
  async #removeOlder(sandboxId: string, { name, attempt }: ContainerConfig, signal: AbortSignal | undefined): Promise<boolean> {
    const all = await this.listed(signal);
    const older = all.filter(
      (one) => one.sandboxId === sandboxId && one.metadata?.name === name && one.metadata.attempt === attempt,
    );
    for (const { id } of older) await this.remove(id, signal);
    return older.length > 0;
  }

  #forgetAllBut(ids: ReadonlySet<string>): void {
    for (const id of this.#known.keys()) if (!ids.has(id)) this.#known.delete(id);
  }
}

function knownContainer(cri: Received<typeof CriContainerStatus>): KnownContainer | undefined {
  const record = recordOf<ContainerRecord>(cri.annotations);
  if (!record) return undefined;
  const state = CONTAINER_STATES[cri.state] ?? 'unknown';
  const startedAtMs = epochMs(cri.startedAt);
  const hasEnded = state === 'exited';
  const status: ContainerStatus = {
    id: cri.id,
    sandboxId: record.sandboxId,
    pod: record.pod,
    name: cri.metadata?.name ?? '',
    attempt: cri.metadata?.attempt ?? 0,
    state,
    image: record.image,
    imageId: cri.imageRef,
    createdAtMs: epochMs(cri.createdAt),
    startedAtMs,
    // The two times are taken by different programs: a quick process may seem to end before it starts.
    finishedAtMs: hasEnded ? Math.max(epochMs(cri.finishedAt), startedAtMs) : 0,
    exitCode: cri.exitCode,
    reason: hasEnded ? reasonOf(cri) : '',
    message: cri.message,
    labels: withoutOwn(cri.labels),
    annotations: withoutOwn(cri.annotations),
  };
  return { status, record, logPath: cri.logPath };
}

function reasonOf({ reason, exitCode }: Received<typeof CriContainerStatus>): string {
  if (reason !== '') return reason;
  return exitCode === 0 ? 'Completed' : 'Error';
}

/** The file, and those that were put aside. */
async function removeLogs(path: string): Promise<void> {
  const [directory, name] = [dirname(path), basename(path)];
  const names = await readdir(directory).catch((): string[] => []);
  const own = names.filter((each) => each === name || (/^\d+$/.test(each.slice(name.length + 1)) && each.startsWith(`${name}.`)));
  await Promise.all(own.map((each) => rm(join(directory, each), { force: true })));
}
