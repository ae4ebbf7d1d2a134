import { Backoff, TaskGroup, type Clock, type Logger } from '@keelson/base';
import { errorMessage } from '@keelson/base';
import type { RuntimeEvent } from '@keelson/runtime';
import type { IncomingMessage } from 'node:http';
import { Subject, type Observable } from 'rxjs';
import { filters, type EngineClient } from './engine/engine-client.ts';
import type { EngineEvent } from './engine/engine-types.ts';
import { jsonLines } from './engine/json-lines.ts';
import { KIND_LABEL, recordOf } from './record.ts';

export interface EngineEventsDependencies {
  readonly engine: EngineClient;
  readonly clock: Clock;
  readonly logger: Logger;
  /** The label, with its value, of all containers whose events are told. */
  readonly owned: string;
}

const OVERLAP_MS = 1000;

/** An event, or: from now on none is missed; from now on some may be. */
export type FollowedEvent = EngineEvent | 'connected' | 'lost';

/**
 * Follows the engine's events of our containers, from the first subscription on. When the engine goes away it tries again, growing slower,
 * asks for what it missed, and says `resync` once it is through.
 */
export class EngineEvents {
  readonly #deps: EngineEventsDependencies;
  readonly #onEvent: (event: FollowedEvent) => void;
  readonly #subject = new Subject<RuntimeEvent>();
  readonly #tasks: TaskGroup;
  #isFollowing = false;
  #lastSeenNano = 0;

  /** `onEvent` sees each event before the subscribers do. */
  constructor(deps: EngineEventsDependencies, onEvent: (event: FollowedEvent) => void) {
    this.#deps = deps;
    this.#onEvent = onEvent;
    this.#tasks = new TaskGroup(deps.logger);
  }

  get events$(): Observable<RuntimeEvent> {
    this.follow();
    return this.#subject.asObservable();
  }

  follow(): void {
    if (this.#isFollowing) return;
    this.#isFollowing = true;
    this.#tasks.run('follow events of the Docker engine', (signal) => this.#run(signal));
  }

  async close(): Promise<void> {
    await this.#tasks.stop();
    this.#subject.complete();
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { clock, logger } = this.#deps;
    const backoff = new Backoff({ initialMs: 200, maxMs: 5000, jitter: 0.2 });
    while (!signal.aborted) {
      try {
        const stream = await this.#connect(signal);
        backoff.reset();
        this.#onEvent('connected');
        this.#subject.next({ type: 'resync' });
        await this.#read(stream, signal);
      } catch (error) {
        if (!signal.aborted) logger.debug('events of the Docker engine broke off', { error: errorMessage(error) });
      }
      this.#onEvent('lost');
      if (!signal.aborted) await clock.sleep(backoff.next(), signal).catch(() => undefined);
    }
  }

  async #connect(signal: AbortSignal): Promise<IncomingMessage> {
    // The engine answers before it listens: what happens in between has to be asked for.
    const since = secondsText(this.#lastSeenNano || (this.#deps.clock.now() - OVERLAP_MS) * 1e6);
    const query = { filters: filters({ type: ['container'], label: [KIND_LABEL, this.#deps.owned] }), since };
    return this.#deps.engine.open({ method: 'GET', path: '/events', query, isLong: true, signal });
  }

  async #read(stream: IncomingMessage, signal: AbortSignal): Promise<void> {
    const stop = () => stream.destroy();
    signal.addEventListener('abort', stop, { once: true });
    try {
      for await (const line of jsonLines<EngineEvent>(stream)) this.#tell(line);
    } finally {
      signal.removeEventListener('abort', stop);
    }
  }

  #tell(event: EngineEvent): void {
    this.#lastSeenNano = Math.max(this.#lastSeenNano, event.timeNano);
    this.#onEvent(event);
    const told = runtimeEvent(event);
    if (told) this.#subject.next(told);
  }
}

/** Pure: what an engine's event is to a kubelet. */
export function runtimeEvent({ Action, Actor }: EngineEvent): RuntimeEvent | undefined {
  const isSandbox = Actor.Attributes[KIND_LABEL] === 'sandbox';
  const podUid = recordOf(Actor.Attributes)?.pod.uid;
  const about = { containerId: Actor.ID, ...(podUid !== undefined && { podUid }) };
  switch (Action) {
    case 'start':
      return isSandbox ? undefined : { type: 'container-started', ...about };
    case 'die':
      return { type: isSandbox ? 'sandbox-stopped' : 'container-stopped', ...about };
    case 'destroy':
      return { type: isSandbox ? 'sandbox-stopped' : 'container-deleted', ...about };
    case 'oom':
      // May come after the end that it explains, which was told without it.
      return { type: 'resync' };
    default:
      return undefined;
  }
}

function secondsText(nano: number): string {
  const seconds = Math.floor(nano / 1e9);
  return `${seconds}.${String(Math.floor(nano % 1e9)).padStart(9, '0')}`;
}
