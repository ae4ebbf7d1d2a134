import { errorMessage, TaskGroup, type Clock, type Logger } from '@keelson/base';
import type { ContainerRuntime, RuntimeInfo } from '@keelson/runtime';
import type { Subscription } from 'rxjs';
import { LABELS } from '../pod/pod-facts.ts';
import { fingerprint, groupByPod, type PodView } from '../pod/runtime-view.ts';

export interface PlegDependencies {
  readonly runtime: ContainerRuntime;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly nodeName: string;
}

/** Called with the pods whose view has changed. */
export type ViewListener = (uids: readonly string[]) => void;

const RELIST_MS = 30_000;
const RETRY_MS = 1000;

/**
 * What the runtime has of this node's pods. It looks when the runtime reports an event, when it is asked to, and every half minute in case
 * an event was lost. The runtime is the truth: nothing is remembered across a restart.
 */
export class Pleg {
  readonly #deps: PlegDependencies;
  readonly #onChange: ViewListener;
  readonly #tasks: TaskGroup;
  #views = new Map<string, PodView>();
  #fingerprints = new Map<string, string>();
  #info: RuntimeInfo | undefined;
  #failure: string | undefined;
  #running: Promise<void> | undefined;
  #next: Promise<void> | undefined;
  #subscription: Subscription | undefined;
  #timer: Disposable | undefined;
  #retry: Disposable | undefined;

  constructor(deps: PlegDependencies, onChange: ViewListener) {
    this.#deps = deps;
    this.#onChange = onChange;
    this.#tasks = new TaskGroup(deps.logger);
  }

  start(): void {
    this.#subscription = this.#deps.runtime.events$.subscribe(() => this.#refreshLater());
    this.#timer = this.#deps.clock.every(RELIST_MS, () => this.#refreshLater());
    this.#refreshLater();
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

  view(uid: string): PodView | undefined {
    return this.#views.get(uid);
  }

  get views(): Iterable<PodView> {
    return this.#views.values();
  }

  /** Resolves when a look that began after this call has ended, whether or not it succeeded. */
  refresh(): Promise<void> {
    if (!this.#running) return (this.#running = this.#look());
    this.#next ??= this.#running.then(() => {
      this.#next = undefined;
      return (this.#running = this.#look());
    });
    return this.#next;
  }

  #refreshLater(): void {
    if (this.#next) return; // One that has not begun yet will see it too.
    this.#tasks.run('look at the runtime', () => this.refresh());
  }

  async #look(): Promise<void> {
    const { runtime, logger } = this.#deps;
    try {
      const info = this.#info && this.#failure === undefined ? this.#info : await runtime.info();
      const [sandboxes, containers] = await Promise.all([runtime.listSandboxes(), runtime.listContainers()]);
      if (this.#failure !== undefined) logger.info('runtime answers again');
      this.#failure = undefined;
      const isFirst = this.#info === undefined;
      this.#info = info;
      const own = sandboxes.filter(({ labels }) => labels[LABELS.node] === this.#deps.nodeName);
      const ids = new Set(own.map(({ id }) => id));
      this.#replace(
        groupByPod(
          own,
          containers.filter(({ sandboxId, labels }) => ids.has(sandboxId) || labels[LABELS.node] === this.#deps.nodeName),
        ),
        isFirst,
      );
    } catch (error) {
      if (this.#failure === undefined) logger.warn('runtime does not answer', { error: errorMessage(error) });
      this.#failure = errorMessage(error);
      this.#retry?.[Symbol.dispose]();
      this.#retry = this.#deps.clock.after(RETRY_MS, () => this.#refreshLater());
    } finally {
      this.#running = undefined;
    }
  }

  #replace(views: Map<string, PodView>, isFirst: boolean): void {
    const fingerprints = new Map<string, string>();
    const changed: string[] = [];
    for (const [uid, view] of views) {
      const print = fingerprint(view);
      fingerprints.set(uid, print);
      if (this.#fingerprints.get(uid) !== print) changed.push(uid);
    }
    for (const uid of this.#fingerprints.keys()) if (!views.has(uid)) changed.push(uid);
    this.#views = views;
    this.#fingerprints = fingerprints;
    if (changed.length > 0 || isFirst) this.#onChange(changed);
  }
}
