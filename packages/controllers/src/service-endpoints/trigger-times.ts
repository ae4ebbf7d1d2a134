import { formatTime, keyOf, nameOf, parseTime } from '@keelson/api';
import type { Pod, Service } from '@keelson/api/core/v1';
import { factsOf } from './service-pods.ts';

interface State {
  serviceMs: number;
  podsMs: ReadonlyMap<string, number>;
  /** Of a change that is not written yet. */
  pendingMs: number | undefined;
}

/**
 * When the change happened that endpoints are written for, so that its way through the cluster can be measured: of all that is new since the
 * last write, the oldest. Example: the Service is made at 10, a pod is ready at 12: the first write says 10. Another pod is ready at 20:
 * the next one says 20; if that write fails, so does the one after it.
 */
export class TriggerTimes {
  readonly #states = new Map<string, State>();

  /** `undefined` if nothing is known to have triggered a write. */
  of(service: Service, pods: readonly Pod[]): string | undefined {
    const key = keyOf(service);
    const known = this.#states.get(key);
    let oldest = known?.pendingMs;
    const consider = (timeMs: number, lastMs: number): void => {
      if (timeMs > lastMs && (oldest === undefined || timeMs < oldest)) oldest = timeMs;
    };
    const podsMs = new Map<string, number>();
    for (const pod of pods) {
      const timeMs = factsOf(pod).readinessMs;
      if (timeMs === undefined) continue;
      podsMs.set(nameOf(pod), timeMs);
      consider(timeMs, known?.podsMs.get(nameOf(pod)) ?? 0);
    }
    const serviceMs = parseTime(service.metadata?.creationTimestamp) ?? 0;
    consider(serviceMs, known?.serviceMs ?? 0);
    this.#states.set(key, { serviceMs, podsMs, pendingMs: oldest });
    return oldest === undefined ? undefined : formatTime(oldest);
  }

  /** What was triggered is written, or needed no write. */
  settle(key: string): void {
    const state = this.#states.get(key);
    if (state) state.pendingMs = undefined;
  }

  forget(key: string): void {
    this.#states.delete(key);
  }
}
