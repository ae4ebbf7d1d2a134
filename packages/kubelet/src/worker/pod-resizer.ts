import { errorMessage, isReason } from '@keelson/base';
import { findCondition, formatTime, parseQuantity } from '@keelson/api';
import type { Container, Node, Pod, PodCondition, ResourceRequirements } from '@keelson/api/core/v1';
import type { Clock } from '@keelson/base';
import type { ContainerResources, ContainerRuntime } from '@keelson/runtime';
import { fitsAmong, fitsAtAll } from '../pod/admission.ts';
import {
  changedResources,
  firstAllocation,
  isSame,
  needsRestart,
  wantedAllocation,
  withAllocation,
  type Allocation,
} from '../pod/allocation.ts';
import type { ContainerToKill } from '../pod/compute-actions.ts';
import { containerResources, podResources, widerOf } from '../pod/resources.ts';
import { readySandbox, type PodView } from '../pod/runtime-view.ts';
import { podSubject } from '../event-subject.ts';
import type { EventSink } from '../ports.ts';
import { isStatic } from '../static-pods/static-pod.ts';

export interface PodResizerDependencies {
  readonly runtime: ContainerRuntime;
  readonly clock: Clock;
  readonly events: EventSink;
  readonly memoryCapacityBytes: number;
  readonly node: () => Pick<Node, 'metadata' | 'status'>;
  /** The other pods that use the node, with what they were given. */
  readonly others: (uid: string) => readonly Pod[];
}

/** What is remembered of a pod's resources between two looks at it. */
export interface ResizeMemory {
  allocated: Allocation | undefined;
  /** What holds for a running container, by its id. */
  readonly actual: Map<string, ResourceRequirements>;
  /** Why the pod has not been given what it asks for. */
  pending: { readonly reason: 'Deferred' | 'Infeasible'; readonly message: string } | undefined;
  /** Why what it was given does not hold yet; empty while that is being done. */
  failure: string | undefined;
  /** Something was given that the limits of the pod as a whole do not follow yet. */
  wholeIsOpen: boolean;
  /** Containers that were killed so that they start again with what they were given, by name. */
  readonly restarting: Set<string>;
}

export function newResizeMemory(): ResizeMemory {
  return {
    allocated: undefined,
    actual: new Map(),
    pending: undefined,
    failure: undefined,
    wholeIsOpen: false,
    restarting: new Set(),
  };
}

/**
 * Changes the CPU and memory of running containers. First a node gives (allocates) what a pod asks for, if it has it; then containers get it,
 * in place or by a restart as their policy says. Until the first is done the pod is "pending", until the second "in progress".
 */
export class PodResizer {
  readonly #deps: PodResizerDependencies;

  constructor(deps: PodResizerDependencies) {
    this.#deps = deps;
  }

  /** Gives the pod what it asks for, or says why not. */
  allocate(pod: Pod, view: PodView, memory: ResizeMemory): void {
    if (!memory.allocated) {
      memory.allocated = firstAllocation(pod);
      // An earlier kubelet has not come to its end.
      memory.wholeIsOpen = findCondition(pod.status?.conditions, 'PodResizeInProgress') !== undefined;
    }
    for (const { id, name, state } of view.containers) {
      const given = memory.allocated.get(name);
      if (state === 'running' && given && !memory.actual.has(id)) memory.actual.set(id, given);
    }
    const wanted = wantedAllocation(pod);
    if (isSame(memory.allocated, wanted)) {
      memory.pending = undefined;
      return;
    }
    const refusal = this.#refusal(pod);
    if (refusal && (refusal.reason !== memory.pending?.reason || refusal.message !== memory.pending.message)) {
      this.#tell(pod, 'Warning', `Resize${refusal.reason}`, refusal.message);
    }
    memory.pending = refusal;
    if (refusal) return;
    memory.allocated = wanted;
    if (this.#open(pod, view, memory).length > 0) this.#tell(pod, 'Normal', 'ResizeStarted', 'Pod resize started');
  }

  /** Lets running containers have what `pod` was given. What can't be done in place is to be killed, so that it starts again with it. */
  async apply(pod: Pod, view: PodView, memory: ResizeMemory, signal: AbortSignal): Promise<readonly ContainerToKill[]> {
    const toKill: ContainerToKill[] = [];
    const open = this.#open(pod, view, memory);
    const sandbox = readySandbox(view);
    const wanted = podResources(pod);
    // The pod has to have room for its containers all the time: it grows before them, and shrinks after them.
    const before = new Map(open.map(({ container, id }) => [container.name, memory.actual.get(id) ?? {}]));
    const whole = withAllocation(pod, new Map([...wantedAllocation(pod), ...before]));
    let failure =
      open.length > 0 ? await this.#updateWhole(sandbox?.id, widerOf(podResources(whole), wanted), signal) : undefined;
    const isShrinking = open.some(({ container, id }) => memoryLimit(container.resources) < memoryLimit(memory.actual.get(id)));
    const usage = isShrinking ? await this.#memoryUsage(signal) : new Map<string, number>();
    for (const { container, id, changed } of failure === undefined ? open : []) {
      if (needsRestart(container, changed)) {
        memory.restarting.add(container.name);
        toKill.push({ id, name: container.name, message: `Container ${container.name} resize requires restart` });
        continue;
      }
      const why = inUse(container, usage.get(id)) ?? (await this.#update(pod, container, id, signal));
      if (why === undefined) memory.actual.set(id, container.resources ?? {});
      failure ??= why;
    }
    memory.wholeIsOpen ||= open.length > 0;
    for (const { name, state } of view.containers) {
      if (state === 'running' && !open.some(({ container }) => container.name === name)) memory.restarting.delete(name);
    }
    const isDone = memory.wholeIsOpen && memory.restarting.size === 0 && failure === undefined;
    if (isDone) {
      failure = await this.#updateWhole(sandbox?.id, wanted, signal);
      memory.wholeIsOpen = failure !== undefined;
    }
    if (failure !== undefined && failure !== memory.failure) this.#tell(pod, 'Warning', 'ResizeError', failure);
    memory.failure = failure;
    if (isDone && failure === undefined) this.#tell(pod, 'Normal', 'ResizeCompleted', 'Pod resize completed');
    return toKill;
  }

  /** Pure: the conditions that tell of a resize. None when there is none. */
  conditions(pod: Pod, view: PodView, memory: ResizeMemory): readonly PodCondition[] {
    const { pending, failure } = memory;
    const isOpen = memory.wholeIsOpen || this.#open(pod, view, memory).length > 0;
    const error = failure === undefined ? {} : { reason: 'Error', message: failure };
    return [
      ...(pending ? [this.#condition(pod, { type: 'PodResizePending', ...pending })] : []),
      ...(isOpen ? [this.#condition(pod, { type: 'PodResizeInProgress', ...error })] : []),
    ];
  }

  /** What a running container has, which a resize may not have reached yet. */
  actual(containerId: string, memory: ResizeMemory): ResourceRequirements | undefined {
    return memory.actual.get(containerId);
  }

  #open(pod: Pod, view: PodView, memory: ResizeMemory) {
    const given = withAllocation(pod, memory.allocated);
    const containers = [...(given.spec?.containers ?? []), ...(given.spec?.initContainers ?? [])];
    return view.containers.flatMap(({ id, name, state }) => {
      const container = containers.find((each) => each.name === name);
      const actual = memory.actual.get(id);
      if (state !== 'running' || !container || !actual) return [];
      const changed = changedResources(actual, container.resources);
      return changed.length > 0 ? [{ container, id, changed }] : [];
    });
  }

  #refusal(pod: Pod): ResizeMemory['pending'] {
    if (isStatic(pod)) return { reason: 'Infeasible', message: 'In-place resize of static-pods is not supported' };
    const node = this.#deps.node();
    const never = fitsAtAll(pod, node);
    if (never !== undefined) return { reason: 'Infeasible', message: never };
    const notNow = fitsAmong(pod, node, this.#deps.others(pod.metadata?.uid ?? ''));
    return notNow && { reason: 'Deferred', message: notNow.message };
  }

  /** The limits of a pod as a whole: why they could not be set, if so. */
  async #updateWhole(sandboxId: string | undefined, resources: ContainerResources, signal: AbortSignal) {
    try {
      if (sandboxId !== undefined) await this.#deps.runtime.updateSandbox?.(sandboxId, resources, signal);
      return undefined;
    } catch (error) {
      signal.throwIfAborted();
      if (isReason(error, 'ServiceUnavailable')) throw error;
      return `Pod could not be resized: ${errorMessage(error)}`;
    }
  }

  async #update(pod: Pod, container: Container, id: string, signal: AbortSignal): Promise<string | undefined> {
    try {
      const resources = containerResources(pod, container, this.#deps.memoryCapacityBytes);
      await this.#deps.runtime.updateResources(id, resources, signal);
      return undefined;
    } catch (error) {
      signal.throwIfAborted();
      if (isReason(error, 'ServiceUnavailable')) throw error;
      return `Container ${container.name} could not be resized: ${errorMessage(error)}`;
    }
  }

  /** By container. Empty if the runtime does not tell. */
  async #memoryUsage(signal: AbortSignal): Promise<ReadonlyMap<string, number>> {
    const stats = await this.#deps.runtime.stats(signal).catch(() => []);
    signal.throwIfAborted();
    return new Map(stats.map(({ containerId, memoryWorkingSetBytes }) => [containerId, memoryWorkingSetBytes]));
  }

  #condition(pod: Pod, { type, ...verdict }: Pick<PodCondition, 'type' | 'reason' | 'message'>): PodCondition {
    const old = findCondition(pod.status?.conditions, type);
    const generation = pod.metadata?.generation;
    return {
      type,
      status: 'True',
      ...verdict,
      lastTransitionTime: old?.lastTransitionTime ?? formatTime(this.#deps.clock.now()),
      ...(generation !== undefined && { observedGeneration: generation }),
    };
  }

  #tell(pod: Pod, type: 'Normal' | 'Warning', reason: string, text: string): void {
    const containers = (pod.spec?.containers ?? []).map(({ name, resources }) => ({ name, resources }));
    const details = JSON.stringify({ containers, generation: pod.metadata?.generation });
    this.#deps.events.event(podSubject(pod), type, reason, `${text}: ${details}`);
  }
}

function memoryLimit(resources: ResourceRequirements = {}): number {
  const limit = resources.limits?.['memory'];
  return limit === undefined ? Infinity : Number(parseQuantity(limit).value());
}

/** The kernel would kill what has more memory than a new limit: it waits until it has less. */
function inUse({ name, resources }: Container, usedBytes: number | undefined): string | undefined {
  const limit = memoryLimit(resources);
  if (usedBytes === undefined || usedBytes < limit) return undefined;
  const why = `attempting to set container "${name}" memory limit (${limit}) below current usage (${usedBytes})`;
  return `Container ${name} could not be resized: ${why}`;
}
