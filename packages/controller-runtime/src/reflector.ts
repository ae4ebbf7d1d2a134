import type { Kind, KubernetesObject } from '@keelson/api';
import { Backoff, errorMessage, isReason, KeelsonError, type Clock, type Logger } from '@keelson/base';
import type { Client, ObjectList, ResourceClient, WatchEvent, WatchOptions } from '@keelson/client';
import { BehaviorSubject, type Observable } from 'rxjs';
import type { InformerSelection, ReflectorState } from './informer.ts';
import { InitialEvents } from './initial-events.ts';
import { listAll } from './list-all.ts';
import { isOlder } from './resource-version.ts';

/** What a reflector keeps equal to the API. If any of it throws, everything is told again, after a pause. */
export interface Reflected<T extends KubernetesObject> {
  /** Everything there is: what is not in it is gone. */
  replace(objects: readonly T[]): void;
  /** What has happened since, in order; bookmarks among it. */
  apply(events: readonly WatchEvent<T>[]): void;
  /** After each of the above: all is in up to the reflector's `resourceVersion`. */
  caughtUp(): void;
}

interface Dependencies<T extends KubernetesObject> {
  readonly client: Client;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random: () => number;
  readonly target: Reflected<T>;
}

export interface ReflectorOptions {
  readonly selection: InformerSelection;
  /** After how long, at the end of the watch that then runs, everything is asked for anew; stretched by up to as much again at random. */
  readonly maxAgeMs: number;
}

/** A watch is asked to end after 5 to 10 minutes, and is given up if it is silent for longer: it may have died without a word. */
const WATCH_SECONDS = 300;
const SILENCE_GRACE_MS = 30_000;
/** A watch that ends sooner, without a word, has not worked. */
const SHORT_WATCH_MS = 1_000;
/** How often a kind may be missing before it is worth a warning. */
const QUIET_ATTEMPTS = 2;
const BACKOFF = { initialMs: 800, maxMs: 30_000, jitter: 1 };

/**
 * Tells everything there is of a kind, and then what happens: by one watch that begins with all objects (`sendInitialEvents`), or by a list and
 * a watch where the server does not offer that. It begins anew when the server has forgotten where it was, and once in a while anyway, so
 * that nothing stays wrong for ever. It never gives up.
 */
export class Reflector<T extends KubernetesObject> {
  readonly #kind: Kind<T>;
  readonly #deps: Dependencies<T>;
  readonly #options: ReflectorOptions;
  readonly #resource: ResourceClient<T>;
  readonly #state: BehaviorSubject<ReflectorState>;
  readonly #backoff: Backoff;
  #resourceVersion: string | undefined;
  /** By the clock's `monotonic`. */
  #dueMs = Number.NEGATIVE_INFINITY;
  /** How all objects are asked for: by a list if the server has no streams of them, and once after a stream has failed. */
  #way: 'stream' | 'list once' | 'list' = 'stream';
  #attempt = 0;

  constructor(kind: Kind<T>, deps: Dependencies<T>, options: ReflectorOptions) {
    this.#kind = kind;
    this.#deps = deps;
    this.#options = options;
    this.#resource = deps.client.resource(kind);
    this.#state = new BehaviorSubject<ReflectorState>({ phase: 'listing', attempt: 0, sinceMs: deps.clock.now() });
    this.#backoff = new Backoff({ ...BACKOFF, random: deps.random });
  }

  /** The newest that the target is known to have; undefined before it has everything, and after the server has forgotten that version. */
  get resourceVersion(): string | undefined {
    return this.#resourceVersion;
  }

  /** Replays the last one. */
  get state$(): Observable<ReflectorState> {
    return this.#state.asObservable();
  }

  /** Resolves when the signal has aborted. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#deps;
    while (!signal.aborted) {
      try {
        await this.#follow(signal);
      } catch (error) {
        if (signal.aborted) break;
        this.#noteFailure(error);
        await clock.sleep(this.#backoff.next(), signal).catch(() => undefined);
      }
    }
  }

  /** Ends `state$`. */
  close(): void {
    this.#state.complete();
  }

  /** Until the watch ends in the ordinary way. */
  async #follow(signal: AbortSignal): Promise<void> {
    const { clock } = this.#deps;
    const needsAll = this.#resourceVersion === undefined || clock.monotonic() >= this.#dueMs;
    if (needsAll && this.#way === 'stream') return this.#stream(signal);
    if (needsAll) {
      this.#setPhase('listing');
      this.#replace(await listAll(this.#resource, this.#options.selection, signal));
      if (this.#way === 'list once') this.#way = 'stream';
    }
    this.#setPhase('watching');
    const beganMs = clock.monotonic();
    let wasUseful = false;
    const ended = Promise.withResolvers<void>();
    await this.#watch({ resourceVersion: this.#resourceVersion ?? '' }, ended, signal, (events) => {
      wasUseful = true;
      this.#apply(events);
    });
    if (wasUseful || signal.aborted) return;
    if (clock.monotonic() - beganMs < SHORT_WATCH_MS) throw new Error('the watch ended at once, without an event');
    this.#noteProgress();
  }

  /** One watch that begins with all objects, and goes on with what happens to them. */
  async #stream(signal: AbortSignal): Promise<void> {
    this.#setPhase('listing');
    const ended = Promise.withResolvers<void>();
    using initial = new InitialEvents<T>(this.#deps.clock, () => ended.reject(NEVER_ENDING));
    try {
      await this.#watch({ sendInitialEvents: true, resourceVersionMatch: 'NotOlderThan' }, ended, signal, (events) => {
        if (initial.isOver) return this.#apply(events);
        const whole = initial.take(events);
        if (!whole) return;
        this.#replace(whole.all);
        this.#setPhase('watching');
        this.#apply(whole.rest);
      });
      if (!initial.isOver && !signal.aborted) throw new Error('the watch ended before it had told everything');
    } catch (error) {
      if (initial.isOver) throw error;
      if (!isReason(error, 'BadRequest', 'Invalid')) {
        this.#way = 'list once';
        throw error;
      }
      this.#way = 'list';
      const { resource } = this.#kind;
      this.#deps.logger.debug('the server does not begin watches with all objects', { resource, error: errorMessage(error) });
    }
  }

  /** Resolves when the watch ends in the ordinary way, or the signal aborts. Whoever has made `ended` may end it too. */
  async #watch(
    from: Pick<WatchOptions, 'resourceVersion' | 'resourceVersionMatch' | 'sendInitialEvents'>,
    ended: PromiseWithResolvers<void>,
    signal: AbortSignal,
    receive: (events: readonly WatchEvent<T>[]) => void,
  ): Promise<void> {
    const { clock, random } = this.#deps;
    const timeoutSeconds = Math.round(WATCH_SECONDS * (1 + random()));
    const options = { ...this.#options.selection, allowWatchBookmarks: true, timeoutSeconds, ...from, signal };
    const subscription = this.#resource.watch(options).subscribe({
      next: (events) => {
        try {
          receive(events);
        } catch (error) {
          // What came is told again once everything is.
          this.#resourceVersion = undefined;
          ended.reject(error);
        }
      },
      error: (error: unknown) => ended.reject(error),
      complete: () => ended.resolve(),
    });
    using _silence = clock.after(timeoutSeconds * 1000 + SILENCE_GRACE_MS, () =>
      ended.reject(new Error('the watch has been silent for too long')),
    );
    const onAbort = (): void => ended.resolve();
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      await ended.promise;
    } finally {
      signal.removeEventListener('abort', onAbort);
      subscription.unsubscribe();
    }
  }

  #replace({ items, metadata }: ObjectList<T>): void {
    const { target, clock, random } = this.#deps;
    target.replace(items);
    this.#resourceVersion = metadata.resourceVersion;
    this.#dueMs = clock.monotonic() + this.#options.maxAgeMs * (1 + random());
    target.caughtUp();
  }

  /** Hot path: every event of the kind. */
  #apply(events: readonly WatchEvent<T>[]): void {
    const { target } = this.#deps;
    target.apply(events);
    for (const { object } of events) {
      const version = object.metadata?.resourceVersion;
      if (version !== undefined && !isOlder(version, this.#resourceVersion)) this.#resourceVersion = version;
    }
    target.caughtUp();
    this.#noteProgress();
  }

  #noteProgress(): void {
    this.#attempt = 0;
    this.#backoff.reset();
  }

  #noteFailure(error: unknown): void {
    if (isReason(error, 'Expired', 'Gone')) this.#resourceVersion = undefined;
    this.#attempt += 1;
    this.#setPhase('retrying', errorMessage(error));
    const { resource } = this.#kind;
    // A kind may be gone, as its definition is: whoever follows it hears of that in a moment.
    const level = isReason(error, 'NotFound') && this.#attempt <= QUIET_ATTEMPTS ? 'debug' : 'warn';
    this.#deps.logger[level]('list or watch failed; trying again', {
      resource,
      attempt: this.#attempt,
      error: errorMessage(error),
    });
  }

  #setPhase(phase: ReflectorState['phase'], error?: string): void {
    const sinceMs = this.#deps.clock.now();
    this.#state.next({ phase, attempt: this.#attempt, sinceMs, ...(error !== undefined && { error }) });
  }
}

const NEVER_ENDING = new KeelsonError('Invalid', 'The server does not say where the initial events end');
