import type { Node } from '@keelson/api/core/v1';
import type { Clock } from '@keelson/base';

/** What a node's taint says that is about to be taken away by the cluster autoscaler. */
const TO_BE_DELETED = 'ToBeDeletedByClusterAutoscaler';

/**
 * Whether a proxy keeps up: it has synced, and no change has been waiting for longer than `graceMs`. Load balancers that ask its node for
 * health also want to know whether the node stays.
 */
export class ProxyHealth {
  readonly #clock: Clock;
  readonly #graceMs: number;
  #lastUpdatedMs: number | undefined;
  /** Since when a change has been waiting, for a sync to begin or for the one that runs. */
  #waitingSinceMs: number | undefined;
  #inSyncSinceMs: number | undefined;
  #nodeStays = true;

  constructor(clock: Clock, graceMs: number) {
    this.#clock = clock;
    this.#graceMs = graceMs;
  }

  queued(): void {
    this.#waitingSinceMs ??= this.#clock.now();
  }

  /** A sync takes up all that waits. */
  began(): void {
    this.#inSyncSinceMs ??= this.#waitingSinceMs;
    this.#waitingSinceMs = undefined;
  }

  /** What the sync took up is in effect. */
  updated(): void {
    this.#lastUpdatedMs = this.#clock.now();
    this.#inSyncSinceMs = undefined;
  }

  nodeIs(node: Node | undefined): void {
    const isLeaving = node?.metadata?.deletionTimestamp !== undefined;
    this.#nodeStays = !isLeaving && !(node?.spec?.taints ?? []).some((taint) => taint.key === TO_BE_DELETED);
  }

  get isHealthy(): boolean {
    if (this.#lastUpdatedMs === undefined) return false;
    const sinceMs = this.#inSyncSinceMs ?? this.#waitingSinceMs;
    return sinceMs === undefined || this.#clock.now() - sinceMs < this.#graceMs;
  }

  get nodeEligible(): boolean {
    return this.#nodeStays;
  }

  /** The body of `/healthz`, as kube-proxy answers it. */
  text(withNode: boolean): string {
    const now = this.#clock.now();
    // A healthy proxy that has nothing to do is up to date.
    const lastUpdatedMs = this.isHealthy ? now : (this.#lastUpdatedMs ?? 0);
    const body = { lastUpdated: new Date(lastUpdatedMs).toISOString(), currentTime: new Date(now).toISOString() };
    return JSON.stringify(withNode ? { ...body, nodeEligible: this.#nodeStays } : body);
  }
}
