import type { Event } from '@keelson/api/core/v1';
import { formatTime } from '@keelson/api';
import type { Clock } from '@keelson/base';

/** An event as it is to be written: anew, or as one more of a known one. */
export interface CorrelatedEvent {
  readonly event: Event;
  readonly isKnown: boolean;
}

/** Different messages of one kind within `SIMILAR_MS` that are told one by one; more become one event. */
const MAX_SIMILAR = 10;
const SIMILAR_MS = 10 * 60_000;
/** Events about one object: so many at once, and then one every five minutes. */
const SPAM_BURST = 25;
const SPAM_PERIOD_MS = 5 * 60_000;
/** How many objects and events are remembered, of each sort. */
const MAX_REMEMBERED = 4096;

/** Forgets what was not used for longest. */
class RecentMap<V> {
  readonly #entries = new Map<string, V>();

  get(key: string): V | undefined {
    const value = this.#entries.get(key);
    if (value !== undefined) this.set(key, value);
    return value;
  }

  set(key: string, value: V): void {
    this.#entries.delete(key);
    this.#entries.set(key, value);
    if (this.#entries.size <= MAX_REMEMBERED) return;
    const [oldest] = this.#entries.keys();
    if (oldest !== undefined) this.#entries.delete(oldest);
  }
}

interface Similar {
  readonly messages: Set<string>;
  lastMs: number;
}

/** The name and the counts of an event that was written before. */
type Written = Pick<Event, 'metadata' | 'count' | 'firstTimestamp'>;

/**
 * Keeps events from flooding the API, by client-go's rules: an event that comes again is counted on; of more than nine similar ones (all but the
 * message is the same) in ten minutes one "combined" event is made; and about one object at most 25 are written at once and then one every
 * five minutes.
 */
export class EventCorrelator {
  readonly #clock: Clock;
  readonly #similar = new RecentMap<Similar>();
  readonly #written = new RecentMap<Written>();
  readonly #tokens = new RecentMap<{ count: number; countedMs: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** `undefined`: drop it. */
  correlate(event: Event): CorrelatedEvent | undefined {
    const { event: combined, key } = this.#combine(event);
    const counted = this.#count(combined, key);
    return this.#isSpam(event) ? undefined : counted;
  }

  #combine(event: Event): { readonly event: Event; readonly key: string } {
    const nowMs = this.#clock.monotonic();
    const key = JSON.stringify([...subjectOf(event), event.type, event.reason]);
    const known = this.#similar.get(key);
    const similar = known && nowMs - known.lastMs <= SIMILAR_MS ? known : { messages: new Set<string>(), lastMs: nowMs };
    similar.messages.add(event.message ?? '');
    similar.lastMs = nowMs;
    this.#similar.set(key, similar);
    if (similar.messages.size < MAX_SIMILAR)
      return { event, key: JSON.stringify([key, event.involvedObject.fieldPath, event.message]) };
    const [first] = similar.messages;
    if (first !== undefined) similar.messages.delete(first);
    return { event: { ...event, message: `(combined from similar events): ${event.message}` }, key };
  }

  #count(event: Event, key: string): CorrelatedEvent {
    const known = this.#written.get(key);
    const written: Written = {
      metadata: known?.metadata ?? event.metadata,
      count: (known?.count ?? 0) + 1,
      firstTimestamp: known?.firstTimestamp ?? event.firstTimestamp,
    };
    this.#written.set(key, written);
    return { event: { ...event, ...written, lastTimestamp: formatTime(this.#clock.now()) }, isKnown: known !== undefined };
  }

  #isSpam(event: Event): boolean {
    const key = JSON.stringify(subjectOf(event));
    const nowMs = this.#clock.monotonic();
    const known = this.#tokens.get(key) ?? { count: SPAM_BURST, countedMs: nowMs };
    const count = Math.min(SPAM_BURST, known.count + (nowMs - known.countedMs) / SPAM_PERIOD_MS);
    const isSpam = count < 1;
    this.#tokens.set(key, { count: isSpam ? count : count - 1, countedMs: nowMs });
    return isSpam;
  }
}

function subjectOf({ source, involvedObject: { kind, namespace, name, uid, apiVersion } }: Event): (string | undefined)[] {
  return [source?.component, source?.host, kind, namespace, name, uid, apiVersion];
}
