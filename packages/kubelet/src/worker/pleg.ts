import { errorMessage, TaskGroup, type Clock, type Logger } from '@keelson/base';
import type { ContainerRuntime, PodFilter, RuntimeInfo } from '@keelson/runtime';
import type { Subscription } from 'rxjs';
import { LABELS } from '../pod/pod-facts.ts';
import { fingerprint, groupByPod, type PodView } from '../pod/runtime-view.ts';
import type { KubeletMetrics } from '../stats/kubelet-metrics.ts';
import { within } from '../within.ts';
import { Rounds } from './rounds.ts';

export interface PlegDependencies {
  readonly runtime: ContainerRuntime;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly nodeName: string;
  readonly metrics: Pick<KubeletMetrics, 'relisted'>;
}

export interface PlegListener {
  /** These pods' views have changed. */
  changed(uids: readonly string[]): void;
  /** The runtime answers for the first time, or again, or does not any more; or its network is ready, or is not any more. */
  turned(): void;
}

interface Seen {
  readonly view: PodView | undefined;
  readonly fingerprint: string;
  /** The look that it comes from: what an earlier one brings later is of no use. */
  readonly look: number;
}

const RELIST_MS = 30_000;
const RETRY_MS = 1000;
/** How often a runtime whose network is not ready is asked about it. */
const NETWORK_MS = 5000;
/** A runtime that takes longer is taken for one that is away: its daemon may hang. */
const ANSWER_MS = 60_000;
const ALL = '';

/**
 * What the runtime has of this node's pods. It looks at one pod when the runtime reports an event about it or when it is asked to, and at all
 * every half minute in case an event was lost. The runtime is the truth: nothing is remembered across a restart.
 */
export class Pleg {
  readonly #deps: PlegDependencies;
  readonly #listener: PlegListener;
  readonly #tasks: TaskGroup;
  readonly #seen = new Map<string, Seen>();
  readonly #rounds: Rounds;
  #looks = 0;
  #lastLookMs: number;
  #info: RuntimeInfo | undefined;
  #failure: string | undefined;
  #subscription: Subscription | undefined;
  #timer: Disposable | undefined;
  #retry: Disposable | undefined;

  constructor(deps: PlegDependencies, listener: PlegListener) {
    this.#deps = deps;
    this.#listener = listener;
    this.#lastLookMs = deps.clock.monotonic();
    this.#tasks = new TaskGroup(deps.logger);
    this.#rounds = new Rounds((uid) => this.#look(uid));
  }

  start(): void {
    this.#subscription = this.#deps.runtime.events$.subscribe(({ podUid = ALL }) => this.#refreshLater(podUid));
    this.#timer = this.#deps.clock.every(RELIST_MS, () => this.#refreshLater(ALL));
    this.#refreshLater(ALL);
  }

  async stop(): Promise<void> {
    this.#subscription?.unsubscribe();
    this.#timer?.[Symbol.dispose]();
    this.#retry?.[Symbol.dispose]();
    await this.#tasks.stop();
  }

  /** Undefined until the runtime has answered once: until then nothing may be made, since it may be there already. */
  get info(): RuntimeInfo | undefined {
    return this.#info;
  }

  /** Why the runtime does not answer, if so. */
  get failure(): string | undefined {
    return this.#failure;
  }

  /** False while the views may be out of date, so that nothing must be done by them. */
  get isUp(): boolean {
    return this.#info !== undefined && this.#failure === undefined;
  }

  /** When all of the runtime was seen last, by the monotonic clock; before that, when this was made. */
  get lastLookMs(): number {
    return this.#lastLookMs;
  }

  view(uid: string): PodView | undefined {
    return this.#seen.get(uid)?.view;
  }

  get views(): Iterable<PodView> {
    return [...this.#seen.values()].flatMap(({ view }) => view ?? []);
  }

  /** Resolves when a look at the pod (at all, without one) that began after this call has ended, whether or not it succeeded. */
  refresh(podUid: string = ALL): Promise<void> {
    return this.#rounds.next(podUid);
  }

  #refreshLater(uid: string): void {
    if (this.#rounds.isWaiting(uid) || this.#rounds.isWaiting(ALL)) return; // One that has not begun yet will see it too.
    this.#tasks.run('look at the runtime', () => this.#rounds.next(uid));
  }

  async #look(uid: string): Promise<void> {
    const look = (this.#looks += 1);
    const { signal } = this.#tasks;
    const begunMs = this.#deps.clock.monotonic();
    try {
      const limit = { clock: this.#deps.clock, ms: ANSWER_MS, signal };
      const { info, sandboxes, containers } = await within(limit, (limited) => this.#ask(uid, limited));
      const own = sandboxes.filter(({ labels }) => labels[LABELS.node] === this.#deps.nodeName);
      const ids = new Set(own.map(({ id }) => id));
      const ours = containers.filter(
        ({ sandboxId, labels }) => ids.has(sandboxId) || labels[LABELS.node] === this.#deps.nodeName,
      );
      const views = groupByPod(own, ours);
      const uids = uid === ALL ? new Set([...this.#seen.keys(), ...views.keys()]) : [uid];
      const changed = [...uids].filter((each) => this.#replace(each, views.get(each), look));
      if (uid === ALL) this.#sawAll(look, begunMs);
      this.#succeeded(info);
      if (changed.length > 0) this.#listener.changed(changed);
    } catch (error) {
      if (!signal.aborted) this.#failed(error);
    }
  }

  async #ask(uid: string, signal: AbortSignal) {
    const { runtime } = this.#deps;
    const only: PodFilter | undefined = uid === ALL ? undefined : { podUid: uid };
    const isFresh = uid !== ALL && this.#info?.network?.ready !== false && this.#failure === undefined;
    const info = isFresh && this.#info ? this.#info : await runtime.info(signal);
    const lists = [runtime.listSandboxes(signal, only), runtime.listContainers(signal, only)] as const;
    const [sandboxes, containers] = await Promise.all(lists);
    return { info, sandboxes, containers };
  }

  #succeeded(info: RuntimeInfo): void {
    const isReady = info.network?.ready !== false;
    const isTurn = !this.isUp || isReady !== (this.#info?.network?.ready !== false);
    if (this.#failure !== undefined) this.#deps.logger.info('runtime answers again');
    this.#failure = undefined;
    this.#info = info;
    if (isTurn) this.#listener.turned();
    if (!isReady) this.#lookAgain(NETWORK_MS);
  }

  #failed(error: unknown): void {
    const isTurn = this.#failure === undefined;
    this.#failure = errorMessage(error);
    if (isTurn) {
      this.#deps.logger.warn('runtime does not answer', { error: this.#failure });
      this.#listener.turned();
    }
    this.#lookAgain(RETRY_MS);
  }

  #lookAgain(afterMs: number): void {
    this.#retry?.[Symbol.dispose]();
    this.#retry = this.#deps.clock.after(afterMs, () => this.#refreshLater(ALL));
  }

  /** True if the view is another one now. */
  #replace(uid: string, view: PodView | undefined, look: number): boolean {
    const known = this.#seen.get(uid);
    if (known && known.look > look) return false;
    const print = view ? fingerprint(view) : '';
    this.#seen.set(uid, { view, fingerprint: print, look });
    return (known?.fingerprint ?? '') !== print;
  }

  #sawAll(look: number, begunMs: number): void {
    const { clock, metrics } = this.#deps;
    this.#lastLookMs = clock.monotonic();
    metrics.relisted((this.#lastLookMs - begunMs) / 1000, clock.now());
    this.#dropGone(look);
  }

  /** What is gone is remembered until all was looked at, lest an older look brings it back. */
  #dropGone(look: number): void {
    for (const [uid, seen] of this.#seen) if (!seen.view && seen.look <= look) this.#seen.delete(uid);
  }
}
