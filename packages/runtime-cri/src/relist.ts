import { Backoff, errorMessage, isReason, TaskGroup, type Clock, type Logger } from '@keelson/base';
import type { RuntimeEvent } from '@keelson/runtime';
import { Subject, type Observable } from 'rxjs';

/** How everything of ours is, in short: states by id, and which pod it belongs to. */
export interface Snapshot {
  readonly sandboxes: Map<string, Seen>;
  readonly containers: Map<string, Seen>;
}

export interface Seen {
  readonly state: 'created' | 'running' | 'exited' | 'unknown' | 'ready' | 'not-ready';
  readonly podUid: string;
}

export interface RelistDependencies {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly look: (signal: AbortSignal) => Promise<Snapshot>;
  /** Resolves or rejects when it is over; calls back whenever something may have changed. */
  readonly follow: (changed: () => void, signal: AbortSignal) => Promise<void>;
}

const PERIOD_MS = 1000;
/** With a runtime that tells of changes, in case it misses one. */
const FOLLOWED_PERIOD_MS = 10_000;

/**
 * Events of a runtime, found by comparing what it lists with what it listed before: each second, and at once when somebody says that
 * something has changed, the runtime itself if it can. From the first subscription on.
 */
export class Relist {
  readonly #deps: RelistDependencies;
  readonly #subject = new Subject<RuntimeEvent>();
  readonly #tasks: TaskGroup;
  #isRunning = false;
  #isFollowed = false;
  #isDue = false;
  #wake: (() => void) | undefined;
  #last: Snapshot | undefined;
  /** Made while a look was under way, which may have missed them. */
  readonly #made: (readonly [kind: keyof Snapshot, id: string, seen: Seen])[] = [];
  #isLost = false;

  constructor(deps: RelistDependencies) {
    this.#deps = deps;
    this.#tasks = new TaskGroup(deps.logger);
  }

  get events$(): Observable<RuntimeEvent> {
    if (!this.#isRunning) {
      this.#isRunning = true;
      this.#tasks.run('list what the runtime has', (signal) => this.#run(signal));
      this.#tasks.run('follow events of the runtime', (signal) => this.#follow(signal));
    }
    return this.#subject.asObservable();
  }

  /** We have made something ourselves: its end will be told even if it comes before the next look. */
  made(kind: keyof Snapshot, id: string, seen: Seen): void {
    this.#made.push([kind, id, seen]);
    addMissing(this.#last, [[kind, id, seen]]);
  }

  /** Something may have changed: looks at once. */
  readonly changed = (): void => {
    this.#isDue = true;
    this.#wake?.();
  };

  async close(): Promise<void> {
    await this.#tasks.stop();
    this.#subject.complete();
  }

  async #run(signal: AbortSignal): Promise<void> {
    signal.addEventListener('abort', () => this.#wake?.(), { once: true });
    while (!signal.aborted) {
      this.#isDue = false;
      await this.#round(signal);
      if (!this.#isDue && !signal.aborted) await this.#pause();
    }
  }

  async #pause(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    using _timer = this.#deps.clock.after(this.#isFollowed ? FOLLOWED_PERIOD_MS : PERIOD_MS, resolve);
    this.#wake = resolve;
    await promise;
    this.#wake = undefined;
  }

  async #round(signal: AbortSignal): Promise<void> {
    try {
      this.#made.length = 0;
      const now = await this.#deps.look(signal);
      addMissing(now, this.#made);
      const before = this.#last;
      this.#last = now;
      if (this.#isLost) {
        this.#isLost = false;
        this.#subject.next({ type: 'resync' });
      } else if (before) {
        for (const event of changesBetween(before, now)) this.#subject.next(event);
      }
    } catch (error) {
      if (signal.aborted) return;
      if (!this.#isLost) this.#deps.logger.warn('the container runtime does not answer', { error: errorMessage(error) });
      this.#isLost = true;
    }
  }

  /** As long as the runtime has such a thing. */
  async #follow(signal: AbortSignal): Promise<void> {
    const backoff = new Backoff({ initialMs: 1000, maxMs: 60_000 });
    while (!signal.aborted) {
      try {
        await this.#deps.follow(() => {
          this.#isFollowed = true;
          backoff.reset();
          this.changed();
        }, signal);
      } catch (error) {
        if (isReason(error, 'MethodNotAllowed')) return;
      }
      this.#isFollowed = false;
      await this.#deps.clock.sleep(backoff.next(), signal).catch(() => undefined);
    }
  }
}

function addMissing(
  snapshot: Snapshot | undefined,
  made: readonly (readonly [kind: keyof Snapshot, id: string, seen: Seen])[],
): void {
  for (const [kind, id, seen] of made) if (snapshot && !snapshot[kind].has(id)) snapshot[kind].set(id, seen);
}

/** Pure: what has happened between two looks. */
export function changesBetween(before: Snapshot, now: Snapshot): readonly RuntimeEvent[] {
  const events: RuntimeEvent[] = [];
  for (const [containerId, { state, podUid }] of now.containers) {
    const was = before.containers.get(containerId)?.state;
    if (state === was) continue;
    // It may have started and ended between two looks.
    if (state === 'running' || (state === 'exited' && was !== 'running'))
      events.push({ type: 'container-started', podUid, containerId });
    if (state === 'exited') events.push({ type: 'container-stopped', podUid, containerId });
  }
  for (const [containerId, { state, podUid }] of before.containers) {
    if (now.containers.has(containerId)) continue;
    if (state === 'running') events.push({ type: 'container-stopped', podUid, containerId });
    events.push({ type: 'container-deleted', podUid, containerId });
  }
  for (const [id, { state, podUid }] of before.sandboxes) {
    if (state === 'ready' && now.sandboxes.get(id)?.state !== 'ready') events.push({ type: 'sandbox-stopped', podUid });
  }
  return events;
}
