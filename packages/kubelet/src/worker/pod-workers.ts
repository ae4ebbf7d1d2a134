import { Backoff, errorMessage, isReason, TaskGroup, type Clock, type Logger } from '@keelson/base';
import { allowsNode, deepEqual, keyOf } from '@keelson/api';
import type { Node, Pod } from '@keelson/api/core/v1';
import type { Alarms } from '../alarms.ts';
import { refusedUnder, victimsOf } from '../eviction/preemption.ts';
import { isCritical } from '../eviction/ranking.ts';
import type { Pressure } from '../eviction/thresholds.ts';
import { NOT_ANY_MORE, PREEMPTED, SHUT_DOWN } from '../eviction/verdicts.ts';
import { admit, type Rejection } from '../pod/admission.ts';
import { withAllocation } from '../pod/allocation.ts';
import { refusedByPolicy, type NodePolicies } from '../pod/node-policies.ts';
import { OWN_CONDITIONS } from '../pod/pod-conditions.ts';
import { isTerminal } from '../pod/pod-facts.ts';
import { podSubject } from '../event-subject.ts';
import type { EventSink } from '../ports.ts';
import { isStatic } from '../static-pods/static-pod.ts';
import type { Pleg } from './pleg.ts';
import { newMemory, type PodMemory, type PodSyncer } from './pod-syncer.ts';

export interface PodWorkersDependencies {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly alarms: Alarms;
  readonly events: EventSink;
  readonly pleg: Pleg;
  readonly syncer: PodSyncer;
  readonly node: () => Pick<Node, 'metadata' | 'status'>;
  /** Resolves when `node` gives labels that are no older than the call, if they can be had. */
  readonly lookAtNode: () => Promise<void>;
  readonly pressures: () => ReadonlySet<Pressure>;
  readonly policies: () => NodePolicies;
}

/** Over the grace period, for killing and for telling of it. */
const SHUTDOWN_SLACK_SECONDS = 5;

interface Worker {
  readonly uid: string;
  pod: Pod;
  /** It is gone from the API. */
  deleted: boolean;
  stage: 'new' | 'running' | 'ended' | 'removed';
  readonly memory: PodMemory;
  /** Resolves when nothing of it runs any more. */
  readonly ended: PromiseWithResolvers<void>;
  /** Those that have to end before it may begin. */
  victims: readonly Worker[];
  readonly backoff: Backoff;
  dirty: boolean;
  busy: boolean;
  /** The grace period of the stop in progress. */
  graceSeconds: number | undefined;
  abort: AbortController | undefined;
}

/**
 * One worker a pod, which does one thing at a time: run, then stop, then remove. A deletion cuts a run short, and a shorter grace period
 * cuts a longer one short. A pod whose predecessor of the same name is still there waits for it.
 */
export class PodWorkers {
  readonly #deps: PodWorkersDependencies;
  readonly #tasks: TaskGroup;
  readonly #workers = new Map<string, Worker>();
  /** Of pods with one name, in the order in which they came. Only the last one can still be in the API. */
  readonly #byName = new Map<string, readonly Worker[]>();
  #isShuttingDown = false;

  constructor(deps: PodWorkersDependencies) {
    this.#deps = deps;
    this.#tasks = new TaskGroup(deps.logger);
  }

  get pods(): readonly Pod[] {
    return [...this.#workers.values()].map(({ pod }) => pod);
  }

  /** The pods that use the node beside this one, with what they were given. */
  activeBeside(uid: string): readonly Pod[] {
    return this.#active(this.#workers.get(uid));
  }

  has(uid: string): boolean {
    return this.#workers.has(uid);
  }

  /** The pod as the API has it now. */
  update(pod: Pod): void {
    const uid = pod.metadata?.uid ?? '';
    const worker = this.#workers.get(uid);
    if (!worker) this.#add(newWorker(uid, pod));
    else {
      const before = worker.pod;
      worker.pod = pod;
      // Most updates are echoes of our own writes: they give nothing to do.
      if (!isWorkFor(before, pod)) return this.#deps.syncer.observe(pod);
    }
    this.notify(uid);
  }

  /** The pod is gone from the API; `pod` is what it was last. */
  delete(pod: Pod): void {
    const worker = this.#workers.get(pod.metadata?.uid ?? '');
    if (!worker) return;
    worker.pod = pod;
    worker.deleted = true;
    this.notify(worker.uid);
  }

  /** Something about the pod may have changed: look at it soon. */
  notify(uid: string): void {
    const worker = this.#workers.get(uid);
    if (!worker) return;
    worker.dirty = true;
    if (worker.busy) this.#interrupt(worker);
    else this.#run(worker);
  }

  /** The pods that use the node. */
  get active(): readonly Pod[] {
    return this.#active(undefined);
  }

  /** Ends a pod for good, whatever it wants. Resolves when nothing of it runs any more. */
  async evict(uid: string, verdict: Rejection, graceSeconds: number): Promise<void> {
    const worker = this.#workers.get(uid);
    if (!worker || worker.stage === 'ended' || worker.stage === 'removed') return;
    worker.memory.verdict ??= verdict;
    worker.memory.stopGraceSeconds = graceSeconds;
    if (worker.graceSeconds === undefined) worker.abort?.abort(new Error('overtaken by an eviction'));
    this.notify(uid);
    await worker.ended.promise;
  }

  /** Removes containers, and with them logs, of pods that have ended and that nobody has deleted yet. Their status stays. */
  async removeEnded(signal: AbortSignal): Promise<void> {
    const { pleg, syncer } = this.#deps;
    for (const { busy, stage, uid } of this.#workers.values()) {
      const view = stage === 'ended' && !busy ? pleg.view(uid) : undefined;
      if (view) await syncer.removeFromRuntime(view, signal);
    }
  }

  /** Ends all pods, the critical ones last, and takes on no more. Resolves when the time is over or nothing runs any more. */
  async shutDown(graceSeconds: number, criticalSeconds: number): Promise<void> {
    this.#isShuttingDown = true;
    const workers = [...this.#workers.values()];
    const ordinary = workers.filter(({ pod }) => !isCritical(pod));
    await this.#endAll(ordinary, graceSeconds - criticalSeconds);
    await this.#endAll(
      workers.filter((worker) => !ordinary.includes(worker)),
      criticalSeconds,
    );
  }

  async #endAll(workers: readonly Worker[], seconds: number): Promise<void> {
    const grace = ({ spec }: Pod): number => Math.max(1, Math.min(seconds, spec?.terminationGracePeriodSeconds ?? 30));
    const { promise: isLate, resolve } = Promise.withResolvers<void>();
    using _timer = this.#deps.clock.after((seconds + SHUTDOWN_SLACK_SECONDS) * 1000, resolve);
    await Promise.race([isLate, Promise.all(workers.map(({ pod, uid }) => this.evict(uid, SHUT_DOWN, grace(pod))))]);
  }

  notifyAll(): void {
    for (const uid of this.#workers.keys()) this.notify(uid);
  }

  async stop(): Promise<void> {
    await this.#tasks.stop();
  }

  #interrupt(worker: Worker): void {
    const wanted = graceOf(worker);
    if (wanted === undefined || worker.stage === 'ended' || worker.stage === 'removed') return;
    if (worker.graceSeconds === undefined || wanted < worker.graceSeconds)
      worker.abort?.abort(new Error('overtaken by a deletion'));
  }

  #run(worker: Worker): void {
    worker.busy = true;
    this.#tasks.run(`pod ${keyOf(worker.pod)}`, async (signal) => {
      try {
        while (worker.dirty && !signal.aborted) await this.#step(worker, signal);
      } finally {
        worker.busy = false;
      }
    });
  }

  async #step(worker: Worker, stopping: AbortSignal): Promise<void> {
    worker.dirty = false;
    const abort = new AbortController();
    worker.abort = abort;
    // Not `AbortSignal.any`: what listens to its signal would be held by the one that lives as long as the kubelet.
    const stop = () => abort.abort(stopping.reason);
    stopping.addEventListener('abort', stop, { once: true });
    try {
      const againAtMs = await this.#work(worker, abort.signal);
      worker.backoff.reset();
      if (againAtMs !== undefined) this.#lookAgain(worker, againAtMs - this.#deps.clock.now());
    } catch (error) {
      if (abort.signal.aborted) return;
      if (isReason(error, 'ServiceUnavailable')) await this.#deps.pleg.refresh();
      if (!this.#deps.pleg.isUp) return;
      this.#deps.logger.warn('pod could not be brought in line', { pod: keyOf(worker.pod), error: errorMessage(error) });
      this.#lookAgain(worker, worker.backoff.next());
    } finally {
      worker.graceSeconds = undefined;
      stopping.removeEventListener('abort', stop);
      if (abort.signal.aborted) worker.dirty = true;
    }
  }

  #lookAgain(worker: Worker, delayMs: number): void {
    this.#deps.alarms.set(`pod/${worker.uid}`, delayMs, () => this.notify(worker.uid));
  }

  /** When to look again, if ever. */
  async #work(worker: Worker, signal: AbortSignal): Promise<number | undefined> {
    if (!this.#deps.pleg.isUp) return undefined; // What is known may be out of date; everybody is told when it answers.
    // Who has chosen this node may have seen labels that were not yet there when it was last looked at.
    if (worker.stage === 'new' && !allowsNode(worker.pod, this.#deps.node())) await this.#deps.lookAtNode();
    if (worker.stage === 'new' && !this.#mayBegin(worker)) return undefined;
    const grace = graceOf(worker);
    if (grace !== undefined) return this.#remove(worker, grace, signal);
    // Why it has ended may become known later: that the kernel was short of memory, say.
    if (worker.stage === 'ended') await this.#deps.syncer.report(worker.pod, worker.memory, { stopped: true });
    if (worker.stage === 'ended' || worker.stage === 'removed') return undefined;
    worker.stage = 'running';
    const { ended, againAtMs } = await this.#deps.syncer.sync(worker.pod, worker.memory, signal);
    if (!ended) return againAtMs;
    const seconds = worker.memory.stopGraceSeconds ?? worker.pod.spec?.terminationGracePeriodSeconds ?? 30;
    await this.#deps.syncer.stop(worker.pod, worker.memory, seconds, signal);
    this.#setEnded(worker);
    return undefined;
  }

  #setEnded(worker: Worker): void {
    worker.stage = 'ended';
    worker.ended.resolve();
    for (const other of this.#workers.values()) if (other.victims.includes(worker)) this.notify(other.uid);
  }

  /** False if it has to wait. A pod that runs already was let in before this process began. */
  #mayBegin(worker: Worker): boolean {
    if (this.#hasPredecessor(worker)) return false;
    if (graceOf(worker) !== undefined || isTerminal(worker.pod.status?.phase) || this.#deps.pleg.view(worker.uid)) return true;
    if (worker.victims.some(({ stage, uid }) => stage !== 'ended' && stage !== 'removed' && this.#workers.has(uid))) return false;
    const verdict = this.#judge(worker);
    if (verdict && this.#preempt(worker, verdict)) return false;
    worker.memory.verdict = verdict;
    if (verdict) this.#deps.events.event(podSubject(worker.pod), 'Warning', verdict.reason, verdict.message);
    return true;
  }

  #judge(worker: Worker): Rejection | undefined {
    if (this.#isShuttingDown) return NOT_ANY_MORE;
    const { pod } = worker;
    const refused = refusedUnder(this.#deps.pressures(), pod) ?? refusedByPolicy(pod, this.#deps.policies());
    return refused ?? admit(pod, this.#deps.node(), this.#active(worker));
  }

  /** Makes room for a critical pod. False if nothing can be made of it. */
  #preempt(worker: Worker, { reason }: Rejection): boolean {
    if (!isCritical(worker.pod) || !reason.startsWith('OutOf')) return false;
    const active = this.#active(worker);
    const victims = victimsOf(worker.pod, this.#deps.node(), active);
    if (!victims || victims.length === 0) return false;
    worker.victims = victims.flatMap(({ metadata }) => this.#workers.get(metadata?.uid ?? '') ?? []);
    for (const { pod, uid } of worker.victims) {
      this.#deps.events.event(podSubject(pod), 'Warning', PREEMPTED.reason, PREEMPTED.message);
      this.#tasks.run('preempt a pod', () => this.evict(uid, PREEMPTED, pod.spec?.terminationGracePeriodSeconds ?? 30));
    }
    return true;
  }

  #hasPredecessor(worker: Worker): boolean {
    const namesakes = this.#namesakes(worker);
    return namesakes.slice(0, namesakes.indexOf(worker)).some(({ stage }) => stage !== 'removed');
  }

  #namesakes({ pod }: Worker): readonly Worker[] {
    return this.#byName.get(keyOf(pod)) ?? [];
  }

  #add(worker: Worker): void {
    this.#workers.set(worker.uid, worker);
    this.#byName.set(keyOf(worker.pod), [...this.#namesakes(worker), worker]);
  }

  /** The pods that use the node: those that were let in, and those that run since before this process began. */
  #active(newcomer: Worker | undefined): Pod[] {
    const active: Pod[] = [];
    for (const other of this.#workers.values()) {
      if (other === newcomer || isTerminal(other.pod.status?.phase) || other.memory.verdict) continue;
      const isIn = other.stage === 'running' || (other.stage === 'new' && this.#deps.pleg.view(other.uid) !== undefined);
      if (isIn) active.push(withAllocation(other.pod, other.memory.resize.allocated));
    }
    return active;
  }

  async #remove(worker: Worker, graceSeconds: number, signal: AbortSignal): Promise<undefined> {
    const { syncer } = this.#deps;
    worker.graceSeconds = graceSeconds;
    if (worker.stage !== 'removed') {
      if (worker.stage !== 'ended') await syncer.stop(worker.pod, worker.memory, graceSeconds, signal);
      this.#setEnded(worker);
      await syncer.remove(worker.pod, signal);
      worker.stage = 'removed';
    }
    const successors = this.#namesakes(worker).filter((other) => other !== worker);
    for (const { memory, uid } of this.#workers.values()) if (memory.resize.pending) this.notify(uid);
    if (worker.deleted) this.#forget(worker);
    for (const { uid } of successors) this.notify(uid);
    return undefined;
  }

  #forget(worker: Worker): void {
    this.#workers.delete(worker.uid);
    const others = this.#namesakes(worker).filter((other) => other !== worker);
    if (others.length > 0) this.#byName.set(keyOf(worker.pod), others);
    else this.#byName.delete(keyOf(worker.pod));
    worker.ended.resolve();
    this.#deps.alarms.cancel(`pod/${worker.uid}`);
    this.#deps.syncer.forget(worker.uid);
    worker.dirty = false;
  }
}

function newWorker(uid: string, pod: Pod): Worker {
  return {
    uid,
    pod,
    deleted: false,
    stage: 'new',
    memory: newMemory(),
    ended: Promise.withResolvers(),
    victims: [],
    backoff: new Backoff({ initialMs: 500, maxMs: 30_000 }),
    dirty: false,
    busy: false,
    graceSeconds: undefined,
    abort: undefined,
  };
}

/** Pure: whether a change of a pod gives its kubelet something to do, beyond looking after the status that it writes itself. */
export function isWorkFor(before: Pod, after: Pod): boolean {
  return !deepEqual(withoutOwn(before), withoutOwn(after));
}

function withoutOwn({ metadata, spec, status }: Pod): unknown {
  const { labels, annotations, deletionTimestamp, deletionGracePeriodSeconds } = metadata ?? {};
  const others = status?.conditions?.filter(({ type }) => !OWN_CONDITIONS.includes(type));
  return [spec, labels, annotations, deletionTimestamp, deletionGracePeriodSeconds, others ?? []];
}

/** Seconds that a pod has to end in, or `undefined` if it shall run. */
function graceOf({ pod, deleted }: Worker): number | undefined {
  const { deletionTimestamp, deletionGracePeriodSeconds } = pod.metadata ?? {};
  const fallback = pod.spec?.terminationGracePeriodSeconds ?? 30;
  // By force, or it would still be there: nobody waits for it. A static pod is gone with its manifest.
  if (deleted) return isStatic(pod) ? fallback : 1;
  if (deletionTimestamp === undefined) return undefined;
  return Math.max(1, deletionGracePeriodSeconds ?? fallback);
}
