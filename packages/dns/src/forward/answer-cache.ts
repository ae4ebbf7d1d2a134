import type { Answer } from 'dns-packet';
import type { Clock } from '@keelson/base';
import { RCODE } from '../wire/rcode.ts';
import type { Resolution } from '../wire/response.ts';

export interface AnswerCacheOptions {
  /** Answers, at most; the one that was used longest ago goes first. */
  readonly size: number;
  /** Nothing is kept for longer, whatever its records say. */
  readonly longestTtlSeconds: number;
}

interface Entry {
  readonly resolution: Resolution;
  readonly storedMs: number;
  readonly expiresMs: number;
}

/** Answers of other servers for as long as their records say. That a name or record is not there is kept too (RFC 2308); failures are not. */
export class AnswerCache {
  readonly #clock: Clock;
  readonly #options: AnswerCacheOptions;
  /** In order of use, newest last. */
  readonly #entries = new Map<string, Entry>();
  hits = 0;
  misses = 0;

  constructor(clock: Clock, options: AnswerCacheOptions) {
    this.#clock = clock;
    this.#options = options;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** With the time to live that is left. */
  get(key: string): Resolution | undefined {
    const entry = this.#entries.get(key);
    if (entry) this.#entries.delete(key);
    const now = this.#clock.monotonic();
    if (!entry || entry.expiresMs <= now) {
      this.misses += 1;
      return undefined;
    }
    this.hits += 1;
    this.#entries.set(key, entry);
    return aged(entry.resolution, Math.floor((now - entry.storedMs) / 1_000));
  }

  set(key: string, resolution: Resolution): void {
    const ttlSeconds = Math.min(ttlOf(resolution), this.#options.longestTtlSeconds);
    this.#entries.delete(key);
    if (!(ttlSeconds > 0)) return;
    const storedMs = this.#clock.monotonic();
    this.#entries.set(key, { resolution: capped(resolution, ttlSeconds), storedMs, expiresMs: storedMs + ttlSeconds * 1_000 });
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= this.#options.size) return;
      this.#entries.delete(oldest);
    }
  }
}

/** Seconds; 0 for what must not be kept. */
function ttlOf({ rcode, answers, authorities, additionals }: Resolution): number {
  if (rcode !== RCODE.NOERROR && rcode !== RCODE.NXDOMAIN) return 0;
  const isNegative = rcode === RCODE.NXDOMAIN || answers.length === 0;
  const soa = authorities.find((record) => record.type === 'SOA');
  if (isNegative && !soa) return 0;
  const negative = isNegative && soa ? [soa.data.minimum ?? 0] : [];
  return Math.min(...negative, ...[...answers, ...authorities, ...additionals].map(recordTtl));
}

function recordTtl(record: Answer): number {
  return record.type === 'OPT' ? Number.POSITIVE_INFINITY : (record.ttl ?? 0);
}

function capped(resolution: Resolution, ttlSeconds: number): Resolution {
  return withTtls(resolution, (ttl) => Math.min(ttl, ttlSeconds));
}

function aged(resolution: Resolution, seconds: number): Resolution {
  return seconds === 0 ? resolution : withTtls(resolution, (ttl) => Math.max(0, ttl - seconds));
}

function withTtls(resolution: Resolution, change: (ttl: number) => number): Resolution {
  const map = (records: readonly Answer[]): Answer[] =>
    records.map((record) => (record.type === 'OPT' ? record : { ...record, ttl: change(record.ttl ?? 0) }));
  const { answers, authorities, additionals } = resolution;
  return { ...resolution, answers: map(answers), authorities: map(authorities), additionals: map(additionals) };
}
