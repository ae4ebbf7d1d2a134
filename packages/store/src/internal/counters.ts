import { LATENCY_BOUNDS_MS, type LatencyStats } from '../stats.ts';

/** What `StoreStats` is made of. */
export class Counters {
  commits = 0;
  conflicts = 0;
  batches = 0;
  syncs = 0;
  bytesWritten = 0;
  readonly #counts = Array.from({ length: LATENCY_BOUNDS_MS.length + 1 }, () => 0);
  #latencies = 0;
  #sumMs = 0;
  #maxMs = 0;

  addLatency(ms: number): void {
    this.#latencies += 1;
    this.#sumMs += ms;
    if (ms > this.#maxMs) this.#maxMs = ms;
    let at = 0;
    while (at < LATENCY_BOUNDS_MS.length && ms > (LATENCY_BOUNDS_MS[at] ?? 0)) at += 1;
    this.#counts[at] = (this.#counts[at] ?? 0) + 1;
  }

  latency(): LatencyStats {
    return { count: this.#latencies, sumMs: this.#sumMs, maxMs: this.#maxMs, counts: [...this.#counts] };
  }
}
