import { keyOf, nameOf } from '@keelson/api';
import { Namespace, Node, Pod } from '@keelson/api/core/v1';
import { PodDisruptionBudget } from '@keelson/api/policy/v1';
import { errorMessage, isReason, TaskGroup, type Clock, type Logger, type Runnable } from '@keelson/base';
import type { Client } from '@keelson/client';
import type { Delta, Informer, InformerFactory } from '@keelson/controller-runtime';
import type { Subscription } from 'rxjs';
import type { CycleState, Plugin, PostFilterResult, Refusal, Verdict } from './framework.ts';
import { nodeNameOf, type NodeInfo } from './node-info.ts';
import { Nominations } from './nominations.ts';
import { defaultPlugins } from './plugins/index.ts';
import { PodReporter, type Unscheduled } from './pod-reporter.ts';
import { Profile, type Placement } from './profile.ts';
import { SchedulerCache } from './scheduler-cache.ts';
import { SchedulingQueue, type Attempt } from './scheduling-queue.ts';
import { onStorageChange, storageInformers, usesClaims, type StorageInformers } from './storage-informers.ts';

export const DEFAULT_SCHEDULER = 'default-scheduler';

/** Told what became of each attempt: for events, metrics and tests. Must not throw. */
export interface SchedulerObserver {
  scheduled?(pod: Pod, nodeName: string): void;
  failed?(pod: Pod, message: string): void;
  /** `victim` has to go from a node, for `pod`. */
  preempted?(victim: Pod, pod: Pod, nodeName: string): void;
}

interface Dependencies {
  readonly client: Client;
  readonly informers: InformerFactory;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly observer?: SchedulerObserver;
}

export interface SchedulerOptions {
  /** Plugins behind the default ones, in the default profile; one of the same name takes the default's place. */
  readonly plugins?: readonly Plugin[];
  /** More profiles, by `schedulerName`, each with exactly these plugins. */
  readonly profiles?: Readonly<Record<string, readonly Plugin[]>>;
}

/** Bindings under way at the same time. */
const MAX_BINDING = 64;

/**
 * Gives pods their nodes. One pod at a time is placed, on what informers say and what was placed before; its binding is written while the
 * next one is being placed. A pod whose binding fails is forgotten and tried again.
 */
export class Scheduler implements Runnable {
  readonly name = 'scheduler';
  readonly #dependencies: Dependencies;
  readonly #pods: Informer<Pod>;
  readonly #nodes: Informer<Node>;
  readonly #namespaces: Informer<Namespace>;
  readonly #budgets: Informer<PodDisruptionBudget>;
  readonly #storage: StorageInformers;
  readonly #profiles: ReadonlyMap<string, Profile>;
  readonly #cache = new SchedulerCache();
  readonly #queue: SchedulingQueue;
  readonly #tasks: TaskGroup;
  readonly #nominations = new Nominations();
  readonly #reporter: PodReporter;
  readonly #subscriptions: Subscription[] = [];
  #binding = 0;
  #slotFree: (() => void) | undefined;

  constructor(dependencies: Dependencies, options: SchedulerOptions = {}) {
    const { client, informers, clock, logger } = dependencies;
    this.#dependencies = dependencies;
    this.#pods = informers.for(Pod);
    this.#nodes = informers.for(Node);
    this.#namespaces = informers.for(Namespace);
    this.#budgets = informers.for(PodDisruptionBudget);
    this.#storage = storageInformers(informers);
    const namespaceLabels = (name: string): Readonly<Record<string, string>> | undefined =>
      this.#namespaces.get(name)?.metadata?.labels;
    const parts = { client, clock, namespaceLabels, storage: this.#storage, budgets: this.#budgets };
    const preempted = (...told: Parameters<NonNullable<SchedulerObserver['preempted']>>): void =>
      dependencies.observer?.preempted?.(...told);
    const defaults = withReplaced(defaultPlugins({ ...parts, preempted }), options.plugins ?? []);
    const profiles = { [DEFAULT_SCHEDULER]: defaults, ...options.profiles };
    this.#profiles = new Map(Object.entries(profiles).map(([name, plugins]) => [name, new Profile(name, plugins)]));
    const sort = this.#profiles.get(DEFAULT_SCHEDULER)?.queueSort;
    if (!sort) throw new Error('Broken invariant: there is a default profile');
    this.#queue = new SchedulingQueue({ clock, sort });
    this.#tasks = new TaskGroup(logger);
    this.#reporter = new PodReporter({ client, clock, pods: this.#pods, tasks: this.#tasks });
  }

  async start(signal: AbortSignal): Promise<void> {
    const all = [this.#pods, this.#nodes, this.#namespaces, this.#budgets, ...Object.values(this.#storage)];
    await Promise.all(all.map((informer) => informer.whenSynced(signal)));
    this.#subscriptions.push(
      this.#nodes.deltas$.subscribe((deltas) => deltas.forEach((delta) => this.#onNode(delta))),
      this.#pods.deltas$.subscribe((deltas) => deltas.forEach((delta) => this.#onPod(delta))),
      ...onStorageChange(this.#storage, () => this.#queue.moveAll(usesClaims)),
    );
    this.#tasks.run('scheduling', (own) => this.#run(own));
  }

  async stop(): Promise<void> {
    for (const subscription of this.#subscriptions) subscription.unsubscribe();
    this.#queue.close();
    this.#slotFree?.();
    await this.#tasks.stop();
  }

  #onNode(delta: Delta<Node>): void {
    if (delta.type === 'deleted') this.#cache.removeNode(nameOf(delta.object));
    else this.#cache.setNode(delta.object);
    this.#queue.moveAll();
  }

  #onPod(delta: Delta<Pod>): void {
    const { object: pod, type } = delta;
    const isOver = type === 'deleted' || pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
    if (isOver || nodeNameOf(pod) !== '') this.#nominations.forget(pod);
    if (isOver) {
      this.#queue.delete(pod);
      this.#cache.removePod(pod);
      if (nodeNameOf(pod) !== '') this.#queue.moveAll();
    } else if (nodeNameOf(pod) !== '') {
      this.#queue.delete(pod);
      this.#cache.setPod(pod);
      // A pod that has just come to a node may be what others want to be near.
      if (type === 'added' || nodeNameOf(delta.type === 'updated' ? delta.old : pod) === '')
        this.#queue.moveAll((other) => other.spec?.affinity !== undefined);
    } else this.#onPending(delta);
  }

  #onPending(delta: Delta<Pod>): void {
    const { object: pod } = delta;
    const profile = this.#profiles.get(pod.spec?.schedulerName ?? DEFAULT_SCHEDULER);
    if (!profile || this.#cache.isAssumed(pod)) return;
    // Of a scheduler that was here before.
    const { nominatedNodeName } = pod.status ?? {};
    if (delta.type === 'added' && nominatedNodeName) this.#nominations.nominate(pod, nominatedNodeName);
    const isHeld = profile.preEnqueue.some((plugin) => plugin.preEnqueue(pod) !== undefined);
    if (isHeld) this.#queue.delete(pod);
    else if (
      delta.type === 'updated' &&
      delta.old.metadata?.generation === pod.metadata?.generation &&
      !becameFree(profile, delta.old)
    )
      this.#queue.refresh(pod);
    else this.#queue.add(pod);
  }

  async #run(signal: AbortSignal): Promise<void> {
    for (let attempt = await this.#queue.take(); attempt; attempt = await this.#queue.take()) {
      this.#try(attempt);
      if (this.#binding >= MAX_BINDING) await new Promise<void>((resolve) => (this.#slotFree = resolve));
      if (signal.aborted) return;
    }
  }

  /** One attempt: what is decided here is decided on one state of the world, since nothing else runs meanwhile. */
  #try(attempt: Attempt): void {
    const { pod } = attempt;
    const profile = this.#profiles.get(pod.spec?.schedulerName ?? DEFAULT_SCHEDULER);
    if (!profile || pod.metadata?.deletionTimestamp) return;
    try {
      const placement = profile.place(pod, this.#cache.snapshot(), this.#nominations);
      if (placement.type === 'placed') this.#assume(attempt, profile, placement);
      else this.#refuse(attempt, profile, placement);
    } catch (error) {
      this.#retry(attempt, `scheduling failed: ${errorMessage(error)}`);
    }
  }

  #assume(attempt: Attempt, profile: Profile, { nodeName, state }: Placement & { readonly type: 'placed' }): void {
    const { pod } = attempt;
    this.#cache.assume(pod, nodeName);
    this.#nominations.forget(pod);
    for (const plugin of profile.reserve) {
      const refusal = plugin.reserve(state, pod, nodeName);
      if (!refusal) continue;
      this.#unreserve(attempt, profile, { nodeName, state });
      this.#park(attempt, refusal.reason);
      return;
    }
    // Pods that wait for a volume, or for a permit, must not keep others from being bound.
    const slot = profile.mayWait(state, pod, nodeName) ? undefined : this.#takeSlot();
    this.#tasks.run(`binding of ${keyOf(pod)}`, async (signal) => {
      try {
        await this.#bind(attempt, profile, { nodeName, state, signal });
      } finally {
        slot?.[Symbol.dispose]();
      }
    });
  }

  #takeSlot(): Disposable {
    this.#binding += 1;
    return {
      [Symbol.dispose]: () => {
        this.#binding -= 1;
        this.#slotFree?.();
        this.#slotFree = undefined;
      },
    };
  }

  async #bind(
    attempt: Attempt,
    profile: Profile,
    at: { readonly nodeName: string; readonly state: CycleState; readonly signal: AbortSignal },
  ): Promise<void> {
    const { pod } = attempt;
    const { nodeName, state } = at;
    try {
      const refusal = await this.#runBinding(pod, profile, at);
      if (refusal) {
        this.#unreserve(attempt, profile, at);
        this.#park(attempt, refusal.reason);
        return;
      }
      for (const plugin of profile.postBind) plugin.postBind(state, pod, nodeName);
      this.#dependencies.observer?.scheduled?.(pod, nodeName);
    } catch (error) {
      this.#unreserve(attempt, profile, at);
      // Gone, or bound by somebody else: the informer will say, or has said.
      if (isReason(error, 'NotFound')) return;
      this.#retry(attempt, `binding failed: ${errorMessage(error)}`);
    }
  }

  async #runBinding(
    pod: Pod,
    profile: Profile,
    { nodeName, state, signal }: { readonly nodeName: string; readonly state: CycleState; readonly signal: AbortSignal },
  ): Promise<Refusal | undefined> {
    for (const plugin of profile.permit) {
      const refusal = await plugin.permit(state, pod, nodeName, signal);
      if (refusal) return refusal;
    }
    for (const plugin of profile.preBind) {
      const refusal = await plugin.preBind(state, pod, nodeName, signal);
      if (refusal) return refusal;
    }
    for (const plugin of profile.bind) if ((await plugin.bind(state, pod, nodeName)) === 'bound') return undefined;
    throw new Error('no bind plugin took the pod');
  }

  #unreserve(
    { pod }: Attempt,
    profile: Profile,
    { nodeName, state }: { readonly nodeName: string; readonly state: CycleState },
  ): void {
    for (const plugin of profile.reserve.toReversed()) plugin.unreserve(state, pod, nodeName);
    this.#cache.forget(pod);
    this.#queue.moveAll();
  }

  #refuse(attempt: Attempt, profile: Profile, placement: Placement & { readonly type: 'unschedulable' }): void {
    const { pod } = attempt;
    const { nominatedNode, message = '', makeRoom } = this.#askForRoom(pod, profile, placement);
    if (nominatedNode === '') this.#nominations.forget(pod);
    else if (nominatedNode !== undefined) this.#nominate(pod, nominatedNode);
    this.#park(attempt, message === '' ? placement.message : `${placement.message} ${message}`, nominatedNode);
    if (!makeRoom) return;
    this.#tasks.run(`making room for ${keyOf(pod)}`, async (signal) => {
      try {
        await makeRoom(signal);
      } catch (error) {
        this.#dependencies.logger.warn('no room was made', { pod: keyOf(pod), error: errorMessage(error) });
        if (this.#nominations.forget(pod)) this.#reporter.clearNomination(pod);
        this.#queue.moveAll((other) => keyOf(other) === keyOf(pod));
      }
    });
  }

  /** The first plugin that can make room decides; otherwise all say why they can't. */
  #askForRoom(pod: Pod, profile: Profile, { state, refusals }: Placement & { readonly type: 'unschedulable' }): PostFilterResult {
    const snapshot = this.#cache.snapshot();
    const nominations = this.#nominations;
    const nominatedNode = nominations.nodeOf(pod);
    const tryOn = (node: NodeInfo): Verdict => profile.tryOn(pod, node, { snapshot, nominations });
    const messages: string[] = [];
    let isOver = false;
    for (const plugin of snapshot.nodes.length === 0 ? [] : profile.postFilter) {
      const result = plugin.postFilter(state, pod, { refusals, snapshot, nominatedNode, tryOn });
      if (result.nominatedNode) return result;
      if (result.nominatedNode === '') isOver = true;
      if (result.message !== undefined) messages.push(result.message);
    }
    return { message: messages.join(', '), ...(isOver && { nominatedNode: '' }) };
  }

  /** Pods that matter less lose what was kept for them there. */
  #nominate(pod: Pod, nodeName: string): void {
    this.#nominations.nominate(pod, nodeName);
    for (const other of this.#nominations.after(pod, nodeName)) {
      this.#nominations.forget(other);
      this.#reporter.clearNomination(other);
      this.#queue.moveAll((waiting) => keyOf(waiting) === keyOf(other));
    }
  }

  /** Waits for a change; says why on the pod. */
  #park(attempt: Attempt, message: string, nominatedNode?: string): void {
    this.#queue.park(attempt, 'unschedulable');
    this.#report(attempt.pod, { reason: 'Unschedulable', message, ...(nominatedNode !== undefined && { nominatedNode }) });
  }

  #retry(attempt: Attempt, message: string): void {
    this.#dependencies.logger.warn('pod not scheduled; trying again', { pod: keyOf(attempt.pod), message });
    this.#queue.park(attempt, 'retry');
    this.#report(attempt.pod, { reason: 'SchedulerError', message });
  }

  #report(pod: Pod, why: Unscheduled): void {
    this.#dependencies.observer?.failed?.(pod, why.message);
    this.#reporter.report(pod, why);
  }
}

/** True if the pod was held back before: then any change may be the one that frees it. */
function becameFree(profile: Profile, old: Pod): boolean {
  return profile.preEnqueue.some((plugin) => plugin.preEnqueue(old) !== undefined);
}

function withReplaced(defaults: readonly Plugin[], own: readonly Plugin[]): readonly Plugin[] {
  const names = new Set(own.map(({ name }) => name));
  return [...defaults.filter(({ name }) => !names.has(name)), ...own];
}
