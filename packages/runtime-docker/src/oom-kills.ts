import type { Clock } from '@keelson/base';
import type { ContainerInspect } from './engine/engine-types.ts';
import { epochMs } from './status.ts';

/** An OOM kill and the end of the container that it hit are reported within this time of each other. */
const NEAR_MS = 3000;
/** How long after the end of a container the event of its OOM kill may come: the two are told in ways of their own. */
const LATE_MS = 1000;
const KILLED = 137;
const MAX_KEPT = 10_000;

/**
 * Says whether the kernel's OOM killer ended a container. Docker's own word is not enough: if a pod's cgroup as a whole runs out of
 * memory, every container in it is marked, also those that were not hit and end later for another reason; and one that Docker saw end before
 * it heard of the kill is never marked. So what counts is an event at the time of the end.
 */
export class OomKills {
  readonly #clock: Clock;
  readonly #atMs = new Map<string, number>();
  /** Those that are being ended on purpose. */
  readonly #stopped = new Set<string>();
  readonly #waiting = new Map<string, PromiseWithResolvers<void>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  note(containerId: string, atMs: number): void {
    if (this.#atMs.size >= MAX_KEPT) this.#atMs.clear();
    this.#atMs.set(containerId, atMs);
    this.#waiting.get(containerId)?.resolve();
  }

  /** Of its end nobody needs to be told why. */
  stopping(containerId: string): void {
    if (this.#stopped.size >= MAX_KEPT) this.#stopped.clear();
    this.#stopped.add(containerId);
  }

  forget(containerId: string): void {
    this.#atMs.delete(containerId);
    this.#stopped.delete(containerId);
  }

  /** Waits a moment for an event that may be on its way. */
  async ended(inspect: ContainerInspect): Promise<boolean> {
    const patienceMs = this.#patienceMs(inspect);
    if (patienceMs > 0) await this.#event(inspect.Id, patienceMs);
    return this.#judge(inspect);
  }

  #judge({ Id, State }: ContainerInspect): boolean {
    if (State.Running || State.ExitCode === 0) return false;
    const atMs = this.#atMs.get(Id);
    // Nobody was listening when it happened: a kill is all there is to go by.
    if (atMs === undefined) return State.OOMKilled && State.ExitCode === KILLED;
    return Math.abs(epochMs(State.FinishedAt) - atMs) < NEAR_MS;
  }

  /** How long it makes sense to wait: for what was killed just now, has a limit, and is not marked. */
  #patienceMs({ Id, State, HostConfig }: ContainerInspect): number {
    if (State.Running || State.OOMKilled || State.ExitCode !== KILLED || HostConfig.Memory === 0) return 0;
    if (this.#stopped.has(Id) || this.#atMs.has(Id)) return 0;
    return Math.min(LATE_MS, epochMs(State.FinishedAt) + LATE_MS - this.#clock.now());
  }

  async #event(containerId: string, patienceMs: number): Promise<void> {
    const waiting = this.#waiting.get(containerId) ?? Promise.withResolvers<void>();
    this.#waiting.set(containerId, waiting);
    using _timer = this.#clock.after(patienceMs, waiting.resolve);
    await waiting.promise;
    this.#waiting.delete(containerId);
  }
}
