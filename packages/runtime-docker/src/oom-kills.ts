import type { ContainerInspect } from './engine/engine-types.ts';
import { epochMs } from './status.ts';

/** An OOM kill and the end of the container that it hit are reported within this time of each other. */
const NEAR_MS = 3000;
const KILLED = 137;
const MAX_KEPT = 10_000;

/**
 * Says whether the kernel's OOM killer ended a container. Docker's own word is not enough: if a pod's cgroup as a whole runs out of
 * memory, every container in it is marked, also those that were not hit and end later for another reason. So the mark counts only for a
 * container that ended at the time of the event.
 */
export class OomKills {
  readonly #atMs = new Map<string, number>();

  note(containerId: string, atMs: number): void {
    if (this.#atMs.size >= MAX_KEPT) this.#atMs.clear();
    this.#atMs.set(containerId, atMs);
  }

  forget(containerId: string): void {
    this.#atMs.delete(containerId);
  }

  ended({ Id, State }: ContainerInspect): boolean {
    if (!State.OOMKilled || State.Running || State.ExitCode === 0) return false;
    const atMs = this.#atMs.get(Id);
    // Nobody was listening when it happened: a kill is all there is to go by.
    if (atMs === undefined) return State.ExitCode === KILLED;
    return Math.abs(epochMs(State.FinishedAt) - atMs) < NEAR_MS;
  }
}
