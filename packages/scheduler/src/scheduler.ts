import { keyOf, nameOf, namespaceOf } from '@keelson/api';
import { Namespace, Node, Pod } from '@keelson/api/core/v1';
import { errorMessage, isReason, TaskGroup, type Clock, type Logger, type Runnable } from '@keelson/base';
import type { Client } from '@keelson/client';
import type { Delta, Informer, InformerFactory } from '@keelson/controller-runtime';
import type { Subscription } from 'rxjs';
import type { CycleState, Plugin, Refusal } from './framework.ts';
import { nodeNameOf } from './node-info.ts';
import { defaultPlugins } from './plugins/index.ts';
import { Profile, type Placement } from './profile.ts';
import { SchedulerCache } from './scheduler-cache.ts';
import { SchedulingQueue, type Attempt } from './scheduling-queue.ts';
import { onStorageChange, storageInformers, usesClaims, type StorageInformers } from './storage-informers.ts';

export const DEFAULT_SCHEDULER = 'default-scheduler';

/** Told what became of each attempt: for events, metrics and tests. Must not throw. */
export interface SchedulerObserver {
  scheduled?(pod: Pod, nodeName: string): void;
  failed?(pod: Pod, message: string): void;
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
  readonly #storage: StorageInformers;
  readonly #profiles: ReadonlyMap<string, Profile>;
  readonly #cache = new SchedulerCache();
  readonly #queue: SchedulingQueue;
  readonly #tasks: TaskGroup;
  readonly #subscriptions: Subscription[] = [];
  #binding = 0;
  #slotFree: (() => void) | undefined;

  constructor(dependencies: Dependencies, options: SchedulerOptions = {}) {
    const { client, informers, clock, logger } = dependencies;
    this.#dependencies = dependencies;
    this.#pods = informers.for(Pod);
    this.#nodes = informers.for(Node);
    this.#namespaces = informers.for(Namespace);
    this.#storage = storageInformers(informers);
    const namespaceLabels = (name: string): Readonly<Record<string, string>> | undefined =>
      this.#namespaces.get(name)?.metadata?.labels;
    const defaults = withReplaced(
      defaultPlugins({ client, clock, namespaceLabels, storage: this.#storage }),
      options.plugins ?? [],
    );
    const profiles = { [DEFAULT_SCHEDULER]: defaults, ...options.profiles };
    this.#profiles = new Map(Object.entries(profiles).map(([name, plugins]) => [name, new Profile(name, plugins)]));
    const sort = this.#profiles.get(DEFAULT_SCHEDULER)?.queueSort;
    if (!sort) throw new Error('Broken invariant: there is a default profile');
    this.#queue = new SchedulingQueue({ clock, sort });
    this.#tasks = new TaskGroup(logger);
  }

  async start(signal: AbortSignal): Promise<void> {
    const all = [this.#pods, this.#nodes, this.#namespaces, ...Object.values(this.#storage)];
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
      const placement = profile.place(pod, this.#cache.snapshot());
      if (placement.type === 'placed') this.#assume(attempt, profile, placement);
      else this.#refuse(attempt, profile, placement);
    } catch (error) {
      this.#retry(attempt, `scheduling failed: ${errorMessage(error)}`);
    }
  }

  #assume(attempt: Attempt, profile: Profile, { nodeName, state }: Placement & { readonly type: 'placed' }): void {
    const { pod } = attempt;
    this.#cache.assume(pod, nodeName);
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

  #refuse(
    attempt: Attempt,
    profile: Profile,
    { message, refusals, state }: Placement & { readonly type: 'unschedulable' },
  ): void {
    this.#park(attempt, message);
    this.#tasks.run(`making room for ${keyOf(attempt.pod)}`, async () => {
      for (const plugin of profile.postFilter) if (await plugin.postFilter(state, attempt.pod, refusals)) return;
    });
  }

  /** Waits for a change; says why on the pod. */
  #park(attempt: Attempt, message: string): void {
    this.#queue.park(attempt, 'unschedulable');
    this.#report(attempt.pod, message, 'Unschedulable');
  }

  #retry(attempt: Attempt, message: string): void {
    this.#dependencies.logger.warn('pod not scheduled; trying again', { pod: keyOf(attempt.pod), message });
    this.#queue.park(attempt, 'retry');
    this.#report(attempt.pod, message, 'SchedulerError');
  }

  #report(pod: Pod, message: string, reason: string): void {
    const { client, observer } = this.#dependencies;
    observer?.failed?.(pod, message);
    const known = this.#pods.getByKey(keyOf(pod))?.status?.conditions?.find(({ type }) => type === 'PodScheduled');
    if (known?.status === 'False' && known.message === message) return;
    const now = new Date(this.#dependencies.clock.now()).toISOString().replace(/\.\d+Z$/, 'Z');
    const condition = {
      type: 'PodScheduled',
      status: 'False',
      reason,
      message,
      lastTransitionTime: known?.lastTransitionTime ?? now,
    };
    this.#tasks.run(`condition of ${keyOf(pod)}`, async (signal) => {
      const name = { name: nameOf(pod), namespace: namespaceOf(pod) };
      await client
        .resource(Pod)
        .patchStatus(name, 'strategic', { status: { conditions: [condition] } }, { signal })
        .catch((error: unknown) => {
          if (!isReason(error, 'NotFound', 'Conflict')) throw error;
        });
    });
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
