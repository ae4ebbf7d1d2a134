import { errorMessage, isReason, KeelsonError, type Clock, type Logger } from '@keelson/base';
import { parseTime } from '@keelson/api';
import { Pod, type PodStatus } from '@keelson/api/core/v1';
import type { Client } from '@keelson/client';
import type { ContainerRuntime, SandboxStatus } from '@keelson/runtime';
import type { DownwardContext } from '../env/field-ref.ts';
import type { TokenCache } from '../config-cache.ts';
import type { ImagePuller } from '../images/image-puller.ts';
import type { Rejection } from '../pod/admission.ts';
import { withAllocation } from '../pod/allocation.ts';
import { computeActions, type PodActions } from '../pod/compute-actions.ts';
import type { WaitingReason } from '../pod/container-statuses.ts';
import { attemptsOf, emptyView, readySandbox, type PodView } from '../pod/runtime-view.ts';
import { podSubject } from '../event-subject.ts';
import type { EventSink, NetworkGuard } from '../ports.ts';
import type { ProbeManager } from '../probes/probe-manager.ts';
import { networkFailure } from '../network-failure.ts';
import type { MountedVolumes } from '../volumes/container-mounts.ts';
import { MountFailure } from '../volumes/mount-failure.ts';
import type { VolumeManager } from '../volumes/volume-manager.ts';
import { resetContainers } from './container-resetter.ts';
import type { ContainerStarter } from './container-starter.ts';
import type { PodKiller } from './pod-killer.ts';
import { podStatus, type PodReport } from './pod-status.ts';
import type { Pleg } from './pleg.ts';
import { dnsWarnings, readNodeDns } from './pod-dns.ts';
import { newResizeMemory, type PodResizer, type ResizeMemory } from './pod-resizer.ts';
import { runtimeHandlerOf } from './runtime-handler.ts';
import { sandboxConfig, type SandboxContext } from './sandbox-config.ts';
import type { StatusManager } from './status-manager.ts';
import { TerminationMessages } from './termination-messages.ts';

export interface PodSyncerDependencies {
  readonly client: Client;
  readonly runtime: ContainerRuntime;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly events: EventSink;
  readonly pleg: Pleg;
  readonly probes: ProbeManager;
  readonly statuses: StatusManager;
  readonly volumes: VolumeManager;
  readonly images: ImagePuller;
  readonly starter: ContainerStarter;
  readonly killer: PodKiller;
  readonly resizer: PodResizer;
  readonly tokens: TokenCache;
  readonly sandbox: Omit<SandboxContext, 'nodeDns'>;
  readonly hostIps: readonly string[];
  readonly networkGuard?: NetworkGuard;
  readonly allocatable: () => Readonly<Record<string, string>>;
}

/** What the kubelet remembers of a pod between two looks at it. Losing it costs back-off and waiting reasons, nothing else. */
export interface PodMemory {
  readonly waiting: Map<string, WaitingReason>;
  readonly resize: ResizeMemory;
  verdict: Rejection | undefined;
  /** How long it has to end, where that is not for the pod to say. */
  stopGraceSeconds: number | undefined;
  mountFailures: number;
  sandboxFailures: number;
}

export function newMemory(): PodMemory {
  return {
    waiting: new Map(),
    resize: newResizeMemory(),
    verdict: undefined,
    stopGraceSeconds: undefined,
    mountFailures: 0,
    sandboxFailures: 0,
  };
}

export interface SyncResult {
  /** The pod has ended for good: stop what is left of it. */
  readonly ended: boolean;
  /** When to look again, at the latest. A point in time, so that what a round itself takes delays nothing. */
  readonly againAtMs: number;
}

/** How often configuration in volumes is looked at; up to half as much is added, so that pods which came together part. */
const RESYNC_MS = 60_000;

/** Carries one pod from what is to what shall be. Calls for one pod never overlap; all may be cut off and repeated. */
export class PodSyncer {
  readonly #deps: PodSyncerDependencies;
  readonly #messages: TerminationMessages;

  constructor(deps: PodSyncerDependencies) {
    this.#deps = deps;
    this.#messages = new TerminationMessages(deps.runtime);
  }

  /** One round for a pod that shall run. */
  async sync(apiPod: Pod, memory: PodMemory, signal: AbortSignal): Promise<SyncResult> {
    this.#deps.resizer.allocate(this.#withStatus(apiPod), this.#viewOf(apiPod), memory.resize);
    const pod = this.#current(apiPod, memory);
    const nowMs = this.#deps.clock.now();
    memory.verdict ??= this.#tooOld(pod, nowMs);
    const { status, ended } = await this.report(apiPod, memory, { stopped: false });
    if (ended) return { ended: true, againAtMs: Infinity };
    const current = { ...pod, status: { ...status, conditions: merged(apiPod, status) } };
    const volumes = await this.#mount(current, memory);
    if (typeof volumes === 'number') return { ended: false, againAtMs: volumes };
    const view = this.#viewOf(pod);
    const actions = computeActions(current, view, this.#deps.probes);
    if (actions.killPod) return { ended: true, againAtMs: Infinity };
    if (actions.restartAll) return this.#restartAll(apiPod, memory, signal);
    const resized = await this.#deps.resizer.apply(current, view, memory.resize, signal);
    const kill = [...actions.kill, ...resized];
    const againAtMs = await this.#act(current, view, { ...actions, kill }, { memory, volumes, signal });
    await this.#collectGarbage(view, memory);
    await this.#deps.pleg.refresh(view.uid);
    await this.report(apiPod, memory, { stopped: false });
    return { ended: false, againAtMs: Math.min(againAtMs, nowMs + resyncMs(view.uid), deadlineMs(current) ?? Infinity) };
  }

  /** Works the status out anew and hands it over to be written. */
  async report(
    apiPod: Pod,
    memory: PodMemory,
    { stopped, terminating = stopped }: { stopped: boolean; terminating?: boolean },
  ): Promise<PodReport> {
    const { clock, hostIps, pleg, probes, resizer, statuses, volumes } = this.#deps;
    const pod = this.#current(apiPod, memory);
    const view = this.#viewOf(pod);
    await this.#messages.collect(pod, view);
    probes.update(pod, view, terminating);
    const report = podStatus({
      pod,
      view,
      stopped,
      hostIps,
      probes,
      nowMs: clock.now(),
      runtimeName: pleg.info?.name ?? 'unknown',
      waiting: memory.waiting,
      verdict: memory.verdict,
      readOnlyTrees: volumes.canMountReadOnlyTrees,
      terminationMessage: (container) => this.#messages.get(container),
      actualResources: (id) => resizer.actual(id, memory.resize),
      passing: resizer.conditions(pod, view, memory.resize),
    });
    statuses.set(apiPod, report.status);
    return report;
  }

  /** The API has the pod so now, with a status that may not be ours. */
  observe(pod: Pod): void {
    this.#deps.statuses.observe(pod);
  }

  /** Stops everything of a pod; resolves when nothing of it runs and the final status is on its way. */
  async stop(pod: Pod, memory: PodMemory, graceSeconds: number, signal: AbortSignal): Promise<void> {
    await this.report(pod, memory, { stopped: false, terminating: true });
    await this.#deps.killer.killPod(pod, this.#viewOf(pod), graceSeconds, signal);
    await this.#deps.pleg.refresh(pod.metadata?.uid);
    memory.waiting.clear();
    await this.report(pod, memory, { stopped: true });
    await this.#deps.statuses.flush(pod.metadata?.uid ?? '');
    await this.#deps.volumes.unmount(pod.metadata?.uid ?? '');
  }

  /** Removes a stopped pod from the runtime and then, if it was deleted there, from the API: once it is gone there, nothing of it is left. */
  async remove(pod: Pod, signal: AbortSignal): Promise<void> {
    const { name = '', namespace, uid = '', deletionTimestamp } = pod.metadata ?? {};
    await this.removeFromRuntime(this.#viewOf(pod), signal);
    if (deletionTimestamp === undefined) return;
    const options = { gracePeriodSeconds: 0, preconditions: { uid }, signal };
    await this.#deps.client.resource(Pod).delete({ name, namespace }, options).catch(unlessGone);
  }

  async removeFromRuntime(view: PodView, signal: AbortSignal): Promise<void> {
    for (const { id } of view.containers) await this.#deps.runtime.removeContainer(id, signal);
    for (const { id } of view.sandboxes) await this.#deps.runtime.removeSandbox(id, signal);
    this.#deps.killer.forget(view.containers);
    this.#messages.forget(view.containers);
    await this.#deps.pleg.refresh(view.uid);
  }

  forget(uid: string): void {
    const { images, probes, starter, statuses, tokens } = this.#deps;
    for (const part of [images, probes, starter, statuses, tokens]) part.forget(uid);
  }

  /** The pod as it is on this node: with what it was given. */
  #current(pod: Pod, { resize }: PodMemory): Pod {
    return withAllocation(this.#withStatus(pod), resize.allocated);
  }

  /** Our own newest status counts: the cache may not have seen it yet. */
  #withStatus(pod: Pod): Pod {
    const own = this.#deps.statuses.get(pod.metadata?.uid ?? '');
    return own ? { ...pod, status: { ...own, conditions: merged(pod, own) } } : pod;
  }

  #viewOf(pod: Pod): PodView {
    const { uid = '', name = '', namespace = '' } = pod.metadata ?? {};
    return this.#deps.pleg.view(uid) ?? emptyView({ uid, name, namespace });
  }

  #downward(view: PodView): DownwardContext {
    const { hostIps, sandbox, allocatable } = this.#deps;
    return { nodeName: sandbox.nodeName, hostIps, podIps: readySandbox(view)?.ips ?? [], allocatable: allocatable() };
  }

  /** A number is a failure: when to try again. */
  async #mount(pod: Pod, memory: PodMemory): Promise<MountedVolumes | number> {
    try {
      const paths = await this.#deps.volumes.mount(pod, this.#downward(this.#viewOf(pod)));
      memory.mountFailures = 0;
      return paths;
    } catch (error) {
      if (!(error instanceof MountFailure)) throw error;
      for (const message of error.messages) this.#deps.events.event(podSubject(pod), 'Warning', 'FailedMount', message);
      memory.mountFailures += 1;
      return this.#deps.clock.now() + Math.min(122_000, 250 * 2 ** memory.mountFailures);
    }
  }

  #tooOld(pod: Pod, nowMs: number): Rejection | undefined {
    if (nowMs < (deadlineMs(pod) ?? Infinity)) return undefined;
    const verdict = { reason: 'DeadlineExceeded', message: 'Pod was active on the node longer than the specified deadline' };
    this.#deps.events.event(podSubject(pod), 'Normal', verdict.reason, verdict.message);
    return verdict;
  }

  async #act(
    pod: Pod,
    view: PodView,
    actions: PodActions,
    context: { readonly memory: PodMemory; readonly volumes: MountedVolumes; readonly signal: AbortSignal },
  ): Promise<number> {
    const { memory, signal } = context;
    await this.#kill(pod, view, actions, signal);
    const sandbox =
      actions.createSandbox === undefined
        ? readySandbox(view)
        : await this.#makeSandbox(pod, actions.createSandbox, memory, signal);
    if (!sandbox) return this.#deps.clock.now() + Math.min(60_000, 500 * 2 ** memory.sandboxFailures);
    // Asked where there was a sandbox already, too: who made it may have been killed since.
    const isReady = actions.start.length === 0 || (await this.#isAdmitted(pod, sandbox, signal));
    if (!isReady) return this.#deps.clock.now() + Math.min(60_000, 500 * 2 ** (memory.sandboxFailures += 1));
    memory.sandboxFailures = 0;
    const hostIps = pod.spec?.hostNetwork ? this.#deps.hostIps : sandbox.ips;
    const downward = { ...this.#downward(view), podIps: hostIps };
    let againAtMs = Infinity;
    for (const start of actions.start) {
      const outcome = await this.#deps.starter.start(start, { pod, view, sandbox, downward, volumes: context.volumes, signal });
      if (outcome.started) {
        memory.waiting.delete(start.container.name);
        continue;
      }
      memory.waiting.set(start.container.name, outcome.waiting);
      againAtMs = Math.min(againAtMs, outcome.retryAtMs ?? Infinity);
    }
    return againAtMs;
  }

  /** All containers go; the next round starts them from the beginning. */
  async #restartAll(apiPod: Pod, memory: PodMemory, signal: AbortSignal): Promise<SyncResult> {
    const pod = this.#current(apiPod, memory);
    const view = this.#viewOf(pod);
    const removed = await resetContainers(pod, view, this.#deps, signal);
    memory.waiting.clear();
    await this.#forgetContainers(view, removed, memory);
    await this.#deps.pleg.refresh(view.uid);
    await this.report(apiPod, memory, { stopped: false });
    return { ended: false, againAtMs: this.#deps.clock.now() };
  }

  async #forgetContainers({ uid }: PodView, containers: PodView['containers'], memory: PodMemory): Promise<void> {
    for (const { name, attempt } of containers) await this.#deps.volumes.removeTerminationLog(uid, name, attempt);
    this.#deps.killer.forget(containers);
    for (const { id } of containers) memory.resize.actual.delete(id);
    this.#messages.forget(containers);
  }

  async #kill(pod: Pod, view: PodView, actions: PodActions, signal: AbortSignal): Promise<void> {
    const graceSeconds = pod.spec?.terminationGracePeriodSeconds ?? 30;
    const byId = new Map(view.containers.map((container) => [container.id, container]));
    await Promise.all(
      actions.kill.map(async (kill) => {
        const container = byId.get(kill.id);
        const options = { graceSeconds: kill.graceSeconds ?? graceSeconds, signal, message: kill.message };
        if (container) await this.#deps.killer.killContainer(pod, view, container, options);
      }),
    );
    if (actions.stopSandboxes.length > 0) {
      const message = 'Pod sandbox changed, it will be killed and re-created.';
      this.#deps.events.event(podSubject(pod), 'Normal', 'SandboxChanged', message);
    }
    for (const id of actions.stopSandboxes) await this.#deps.runtime.stopSandbox(id, signal);
  }

  async #isAdmitted(pod: Pod, { ips }: SandboxStatus, signal: AbortSignal): Promise<boolean> {
    const { events, networkGuard } = this.#deps;
    if (!networkGuard || pod.spec?.hostNetwork) return true;
    try {
      await networkGuard.admit(pod, ips, signal);
      return true;
    } catch (error) {
      signal.throwIfAborted();
      const message = `Failed to create pod sandbox: its network cannot be used yet: ${errorMessage(error)}`;
      events.event(podSubject(pod), 'Warning', 'FailedCreatePodSandBox', message);
      return false;
    }
  }

  async #makeSandbox(pod: Pod, attempt: number, memory: PodMemory, signal: AbortSignal) {
    const { info } = this.#deps.pleg;
    const failure = info && !pod.spec?.hostNetwork ? networkFailure(info) : undefined;
    if (failure !== undefined) {
      // It is tried again as soon as the network is ready.
      this.#deps.events.event(podSubject(pod), 'Warning', 'NetworkNotReady', `network is not ready: ${failure}`);
      memory.sandboxFailures += 1;
      return undefined;
    }
    try {
      const context = { ...this.#deps.sandbox, nodeDns: await readNodeDns() };
      for (const warning of dnsWarnings(pod, context)) this.#deps.events.event(podSubject(pod), 'Warning', ...warning);
      const runtimeHandler = await runtimeHandlerOf(this.#deps.client, pod, signal);
      // Without, its root would be that of the machine, which is what it asks not to be.
      if (pod.spec?.hostUsers === false && !info?.userNamespaces)
        throw new KeelsonError('BadRequest', `RuntimeClass handler "${runtimeHandler}" does not support user namespaces`);
      const config = { ...sandboxConfig(pod, attempt, context), runtimeHandler };
      return await this.#deps.runtime.runSandbox(config, signal);
    } catch (error) {
      signal.throwIfAborted();
      const message = `Failed to create pod sandbox: ${errorMessage(error)}`;
      this.#deps.events.event(podSubject(pod), 'Warning', 'FailedCreatePodSandBox', message);
      memory.sandboxFailures += 1;
      return undefined;
    }
  }

  /** The newest two attempts stay: one for the present, one for `logs --previous`. */
  async #collectGarbage(view: PodView, memory: PodMemory): Promise<void> {
    for (const name of new Set(view.containers.map((container) => container.name))) {
      const old = attemptsOf(view, name)
        .slice(2)
        .filter(({ state }) => state !== 'running');
      for (const { id } of old) await this.#deps.runtime.removeContainer(id);
      await this.#forgetContainers(view, old, memory);
    }
    const used = new Set(view.containers.map(({ sandboxId }) => sandboxId));
    for (const { id, state } of view.sandboxes.slice(1))
      if (state !== 'ready' && !used.has(id)) await this.#deps.runtime.removeSandbox(id);
  }
}

function merged(pod: Pod, own: PodStatus): PodStatus['conditions'] {
  const others = (pod.status?.conditions ?? []).filter(({ type }) => !own.conditions?.some((mine) => mine.type === type));
  return [...others, ...(own.conditions ?? [])];
}

function deadlineMs(pod: Pod): number | undefined {
  const seconds = pod.spec?.activeDeadlineSeconds;
  const startedAtMs = parseTime(pod.status?.startTime);
  return seconds === undefined || startedAtMs === undefined ? undefined : startedAtMs + seconds * 1000;
}

/** Always the same for one pod. */
function resyncMs(uid: string): number {
  let hash = 0;
  for (let at = 0; at < uid.length; at += 1) hash = (hash * 31 + uid.charCodeAt(at)) >>> 0;
  return RESYNC_MS + (hash % (RESYNC_MS / 2));
}

function unlessGone(error: unknown): void {
  if (!isReason(error, 'NotFound', 'Conflict')) throw error;
}
