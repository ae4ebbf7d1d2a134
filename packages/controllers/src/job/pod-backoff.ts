import { uidOf } from '@keelson/api';
import type { Job } from '@keelson/api/batch/v1';
import type { Pod } from '@keelson/api/core/v1';
import { endOf, hasFailed, hasSucceeded } from './job-pods.ts';
import type { Survey } from './survey.ts';

const FIRST_MS = 10_000;
const MAX_MS = 600_000;

/** The pods of a Job that have failed since one succeeded. */
export interface PodBackoff {
  readonly failures: number;
  /** When the last of them ended. */
  readonly lastMs: number;
}

export const NO_BACKOFF: PodBackoff = { failures: 0, lastMs: 0 };

/** What is known, with pods that have ended since. A success starts the count anew; failures after it count. */
export function withEnds(known: PodBackoff, succeeded: readonly Pod[], failed: readonly Pod[]): PodBackoff {
  const successMs = succeeded.length > 0 ? Math.max(...succeeded.map(endOf)) : undefined;
  const ends = failed.map(endOf).filter((endMs) => successMs === undefined || endMs > successMs);
  const before = successMs === undefined ? known : NO_BACKOFF;
  if (ends.length === 0) return before;
  return { failures: before.failures + ends.length, lastMs: Math.max(...ends) };
}

/**
 * How long to wait before the next pod: 10 s after one failure, 20 s after two, and so on up to 10 min, counted from the last failure.
 * Example: pods failed at 0:00 and 0:12, so the next may start at 0:32.
 */
export function backoffMs({ failures, lastMs }: PodBackoff, nowMs: number): number {
  if (failures === 0) return 0;
  return Math.max(0, lastMs + Math.min(FIRST_MS * 2 ** (failures - 1), MAX_MS) - nowMs);
}

/**
 * The back-off of each Job. It is remembered, not read from pods, since these may be deleted at once; after a restart it begins with the pods
 * that are still there.
 */
export class PodBackoffs {
  readonly #known = new Map<string, { readonly backoff: PodBackoff; readonly seen: ReadonlySet<string> }>();

  /** With what has ended since it was asked last. Asking again with the same pods changes nothing. */
  of(job: Job, { pods, newlySucceeded, newlyFailed, ignored }: Survey): PodBackoff {
    const known = this.#known.get(uidOf(job));
    const isNew = (pod: Pod): boolean => known?.seen.has(uidOf(pod)) !== true;
    const failures = [...newlyFailed, ...ignored];
    const backoff = known
      ? withEnds(known.backoff, newlySucceeded.filter(isNew), failures.filter(isNew))
      : withEnds(
          NO_BACKOFF,
          pods.filter(hasSucceeded),
          pods.filter((pod) => hasFailed(pod, job)),
        );
    this.#known.set(uidOf(job), { backoff, seen: new Set([...newlySucceeded, ...failures].map(uidOf)) });
    return backoff;
  }

  forget(uid: string): void {
    this.#known.delete(uid);
  }
}
