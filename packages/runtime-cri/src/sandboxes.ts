import { rm } from 'node:fs/promises';
import { isReason, KeelsonError } from '@keelson/base';
import type { Received } from '@keelson/grpc';
import {
  limitCgroup,
  removeCgroup,
  type ContainerResources,
  type PodFilter,
  type SandboxConfig,
  type SandboxStatus,
} from '@keelson/runtime';
import { LIST_POD_SANDBOX, POD_SANDBOX_STATUS, REMOVE_POD_SANDBOX, RUN_POD_SANDBOX, STOP_POD_SANDBOX } from './api/methods.ts';
import { SANDBOX_READY, type ListedSandbox, type SandboxStatus as CriSandboxStatus } from './api/parts.ts';
import type { CriClient } from './cri-client.ts';
import { recordOf, selectorOf, withoutOwn, type SandboxRecord } from './record.ts';
import { cgroupParentOf, logDirectory, sandboxSpec, type NodeSettings } from './specs.ts';

export interface KnownSandbox {
  readonly status: SandboxStatus;
  readonly record: SandboxRecord;
}

type Listed = Received<typeof ListedSandbox>;

/** Networks take time on a busy machine. */
const RUN_TIMEOUT_MS = 240_000;

/** Pods' sandboxes, as the runtime has them. Who they are stands in their annotations. */
export class Sandboxes {
  readonly #client: CriClient;
  readonly #node: NodeSettings;
  /** What a ready sandbox is does not change. */
  readonly #known = new Map<string, KnownSandbox>();

  constructor(client: CriClient, node: NodeSettings) {
    this.#client = client;
    this.#node = node;
  }

  async run(config: SandboxConfig, signal?: AbortSignal): Promise<SandboxStatus> {
    const status = await this.#run(config, signal);
    // The runtime makes the cgroup of the pod with the sandbox, and leaves its limits to us.
    try {
      if (config.resources) await limitCgroup(cgroupParentOf(config, this.#node), config.resources);
    } catch (error) {
      await this.remove(status.id).catch(() => undefined);
      throw error;
    }
    return status;
  }

  async update(id: string, resources: ContainerResources, signal?: AbortSignal): Promise<void> {
    const { record } = await this.get(id, signal);
    await limitCgroup(cgroupParentOf(record, this.#node), resources);
  }

  async stop(id: string, signal?: AbortSignal): Promise<void> {
    this.#known.delete(id);
    const call = { signal, timeoutMs: RUN_TIMEOUT_MS, isRepeatable: true };
    await this.#client.end(STOP_POD_SANDBOX, { id }, call).catch(unlessGone);
  }

  async remove(id: string, signal?: AbortSignal): Promise<void> {
    const known = await this.get(id, signal).catch(() => undefined);
    await this.stop(id, signal);
    const call = { signal, timeoutMs: RUN_TIMEOUT_MS, isRepeatable: true };
    await this.#client.end(REMOVE_POD_SANDBOX, { id }, call).catch(unlessGone);
    if (known) await this.#clearUp(known, signal);
  }

  async list(signal?: AbortSignal, only?: PodFilter): Promise<readonly SandboxStatus[]> {
    const found = await Promise.all((await this.listed(signal, only)).map((each) => this.#look(each, signal)));
    if (!only) this.#forgetAllBut(new Set(found.map((each) => each?.status.id ?? '')));
    return found.flatMap((each) => each?.status ?? []);
  }

  /** What the runtime lists, which is little of each. */
  async listed(signal?: AbortSignal, only?: PodFilter): Promise<readonly Listed[]> {
    const filter = { labelSelector: selectorOf(this.#node.cluster, only?.podUid) };
    return (await this.#client.call(LIST_POD_SANDBOX, { filter }, { signal, isRepeatable: true })).items;
  }

  /** Rejects with `NotFound`, also for what is not ours. */
  async get(id: string, signal?: AbortSignal): Promise<KnownSandbox> {
    const { status } = await this.#client.call(POD_SANDBOX_STATUS, { id }, { signal, isRepeatable: true });
    const known = status && knownSandbox(status);
    if (!known) throw new KeelsonError('NotFound', `No such sandbox: ${id}`);
    if (known.status.state === 'ready') this.#known.set(id, known);
    return known;
  }

  async #run(config: SandboxConfig, signal: AbortSignal | undefined): Promise<SandboxStatus> {
    const request = { config: sandboxSpec(config, this.#node), runtimeHandler: config.runtimeHandler };
    const call = { signal, timeoutMs: RUN_TIMEOUT_MS };
    try {
      return (await this.get((await this.#client.call(RUN_POD_SANDBOX, request, call)).id, signal)).status;
    } catch (error) {
      // Its name may be that of an older half, which gives way.
      if (isReason(error, 'ServiceUnavailable') || !(await this.#removeOlder(config, signal))) throw error;
    }
    return (await this.get((await this.#client.call(RUN_POD_SANDBOX, request, call)).id, signal)).status;
  }

  async #look({ id, state }: Listed, signal: AbortSignal | undefined): Promise<KnownSandbox | undefined> {
    if (state !== SANDBOX_READY) this.#known.delete(id);
    return this.#known.get(id) ?? this.get(id, signal).catch(undefinedIfGone);
  }

  /** True if there was one. */
  async #removeOlder({ pod, attempt }: SandboxConfig, signal: AbortSignal | undefined): Promise<boolean> {
    const all = await this.listed(signal, { podUid: pod.uid });
    const older = all.filter(({ metadata }) => metadata?.attempt === attempt);
    for (const { id } of older) await this.remove(id, signal);
    return older.length > 0;
  }

  async #clearUp({ record }: KnownSandbox, signal: AbortSignal | undefined): Promise<void> {
    const others = await this.listed(signal, { podUid: record.pod.uid });
    if (others.length > 0) return;
    await rm(logDirectory(this.#node.logRoot, record), { recursive: true, force: true });
    await removeCgroup(cgroupParentOf(record, this.#node));
  }

  #forgetAllBut(ids: ReadonlySet<string>): void {
    for (const id of this.#known.keys()) if (!ids.has(id)) this.#known.delete(id);
  }
}

function knownSandbox({
  id,
  metadata,
  state,
  createdAt,
  network,
  labels,
  annotations,
}: Received<typeof CriSandboxStatus>): KnownSandbox | undefined {
  const record = recordOf<SandboxRecord>(annotations);
  if (!record) return undefined;
  const isReady = state === SANDBOX_READY;
  const ips = [network?.ip ?? '', ...(network?.additionalIps ?? []).map(({ ip }) => ip)].filter((ip) => ip !== '');
  const status: SandboxStatus = {
    id,
    pod: record.pod,
    attempt: metadata?.attempt ?? record.attempt,
    state: isReady ? 'ready' : 'not-ready',
    createdAtMs: epochMs(createdAt),
    ips: isReady && !record.hostNetwork ? ips : [],
    labels: withoutOwn(labels),
    annotations: withoutOwn(annotations),
  };
  return { status, record };
}

/** The CRI counts nanoseconds. */
export function epochMs(nanoseconds: bigint): number {
  return Number(nanoseconds / 1_000_000n);
}

export function unlessGone(error: unknown): void {
  if (!isReason(error, 'NotFound')) throw error;
}

export function undefinedIfGone(error: unknown): undefined {
  if (isReason(error, 'NotFound')) return undefined;
  throw error;
}
