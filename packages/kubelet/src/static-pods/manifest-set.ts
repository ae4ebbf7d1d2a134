import { deepEqual } from '@keelson/api';
import type { Pod } from '@keelson/api/core/v1';

export interface ManifestListener {
  added(pod: Pod): void;
  removed(pod: Pod): void;
}

/** The pods of one source of manifests, by where in it they are. Tells what becomes different. */
export class ManifestSet {
  readonly #listener: ManifestListener;
  #pods: ReadonlyMap<string, Pod> = new Map();

  constructor(listener: ManifestListener) {
    this.#listener = listener;
  }

  get(key: string): Pod | undefined {
    return this.#pods.get(key);
  }

  /** What goes comes first, so that what takes its name waits for it. */
  replace(pods: ReadonlyMap<string, Pod>): void {
    const old = this.#pods;
    this.#pods = pods;
    for (const [key, pod] of old) if (pods.get(key)?.metadata?.uid !== pod.metadata?.uid) this.#listener.removed(pod);
    for (const [key, pod] of pods) if (!deepEqual(old.get(key), pod)) this.#listener.added(pod);
  }
}
