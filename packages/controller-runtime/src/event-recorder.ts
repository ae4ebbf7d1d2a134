import { formatTime, type KubernetesObject } from '@keelson/api';
import { Event, type ObjectReference } from '@keelson/api/core/v1';
import { errorMessage, isReason, type Clock, type Logger } from '@keelson/base';
import type { Client, ResourceClient } from '@keelson/client';
import { EventCorrelator, type CorrelatedEvent } from './event-correlator.ts';

interface Dependencies {
  readonly client: Client;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Who tells: `kubelet`, `deployment-controller`. */
  readonly component: string;
  readonly host?: string;
}

/** What an event is about: an object that has its kind, or a reference, which can name a part of it by `fieldPath`. */
export type EventSubject = KubernetesObject | ObjectReference;

/** More that wait to be written are dropped: events are a courtesy. */
const MAX_WAITING = 1_000;
/** How often a write is tried while the server is away, and how long the pause is. */
const MAX_TRIES = 12;
const PAUSE_MS = 10_000;

/** Tells users what happens to their objects, as core/v1 Events. Writes in the background, in order; never throws or blocks. */
export class EventRecorder {
  readonly #events: ResourceClient<Event>;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #component: string;
  readonly #host: string | undefined;
  readonly #correlator: EventCorrelator;
  readonly #stopping = new AbortController();
  #waiting: CorrelatedEvent[] = [];
  #writing: Promise<void> | undefined;
  #lastNanos = 0n;

  constructor({ client, clock, logger, component, host }: Dependencies) {
    this.#events = client.resource(Event);
    this.#clock = clock;
    this.#logger = logger;
    this.#component = component;
    this.#host = host;
    this.#correlator = new EventCorrelator(clock);
  }

  /** `reason` is one word in CamelCase, `message` a sentence for people. Events of cluster-scoped objects go to `default`. */
  event(about: EventSubject, type: 'Normal' | 'Warning', reason: string, message: string): void {
    if (this.#stopping.signal.aborted) return;
    const subject = referenceTo(about);
    if (!subject.kind || !subject.name) {
      this.#logger.warn('cannot record an event about what has no kind or no name', { reason, message });
      return;
    }
    const correlated = this.#correlator.correlate(this.#eventOf(subject, { type, reason, message }));
    if (!correlated) return;
    if (this.#waiting.length >= MAX_WAITING) {
      this.#logger.debug('event dropped: too many wait to be written', { reason, message });
      return;
    }
    this.#waiting.push(correlated);
    this.#writing ??= this.#writeAll();
  }

  /** Resolves when what was recorded until now is written, or given up. */
  async flush(): Promise<void> {
    await this.#writing;
  }

  /** Tries once more to write what waits, and takes nothing more. */
  async stop(): Promise<void> {
    this.#stopping.abort(new Error('stopped'));
    await this.#writing;
  }

  #eventOf(subject: ObjectReference, about: Required<Pick<Event, 'type' | 'reason' | 'message'>>): Event {
    const now = formatTime(this.#clock.now());
    return {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name: `${subject.name}.${this.#stamp()}`, namespace: subject.namespace || 'default' },
      involvedObject: subject,
      ...about,
      source: { component: this.#component, ...(this.#host !== undefined && { host: this.#host }) },
      reportingComponent: this.#component,
      reportingInstance: this.#host ?? '',
      firstTimestamp: now,
      lastTimestamp: now,
      count: 1,
    };
  }

  /**
   * Nanoseconds in hexadecimal, as event names end upstream; never the same twice. The clock counts milliseconds, in one of which two
   * components may tell of objects of one name: what is below is by chance.
   */
  #stamp(): string {
    const nanos = BigInt(Math.trunc(this.#clock.now())) * 1_000_000n + BigInt(Math.floor(Math.random() * 1_000_000));
    this.#lastNanos = nanos > this.#lastNanos ? nanos : this.#lastNanos + 1n;
    return this.#lastNanos.toString(16);
  }

  /** Never rejects. */
  async #writeAll(): Promise<void> {
    for (let next = this.#waiting.shift(); next; next = this.#waiting.shift()) await this.#write(next);
    this.#writing = undefined;
  }

  async #write(correlated: CorrelatedEvent): Promise<void> {
    for (let tries = 1; ; tries += 1) {
      try {
        await this.#send(correlated);
        return;
      } catch (error) {
        const { reason, message } = correlated.event;
        const isAway = isReason(error, 'ServiceUnavailable', 'Timeout', 'ServerTimeout', 'TooManyRequests');
        if (isAway && this.#stopping.signal.aborted) this.#waiting = [];
        if (!isAway || tries >= MAX_TRIES || this.#stopping.signal.aborted) {
          this.#logger.debug('event not written', { reason, message, error: errorMessage(error) });
          return;
        }
        await this.#clock.sleep(PAUSE_MS, this.#stopping.signal).catch(() => undefined);
      }
    }
  }

  async #send({ event, isKnown }: CorrelatedEvent): Promise<void> {
    const { name = '', namespace } = event.metadata;
    if (isKnown) {
      const { count, lastTimestamp, message } = event;
      try {
        await this.#events.patch({ name, namespace }, 'strategic', { count, lastTimestamp, message });
        return;
      } catch (error) {
        // Events live for an hour: this one may be gone, or was never written.
        if (!isReason(error, 'NotFound')) throw error;
      }
    }
    try {
      await this.#events.create(event);
    } catch (error) {
      if (!isReason(error, 'AlreadyExists')) throw error;
      const subject = event.involvedObject.name ?? '';
      await this.#events.create({ ...event, metadata: { ...event.metadata, name: `${subject}.${this.#stamp()}` } });
    }
  }
}

function referenceTo(about: EventSubject): ObjectReference {
  if (!('metadata' in about)) return about as ObjectReference;
  const { apiVersion, kind, metadata } = about;
  const { name, namespace, uid, resourceVersion } = metadata ?? {};
  return { apiVersion, kind, name, namespace, uid, resourceVersion };
}
