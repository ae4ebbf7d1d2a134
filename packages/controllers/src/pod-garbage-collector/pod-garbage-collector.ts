import { isPodTerminal, nameOf, namespaceOf, setCondition, uidOf } from '@keelson/api';
import { Node, Pod } from '@keelson/api/core/v1';
import { isReason, type Clock } from '@keelson/base';
import type { Client } from '@keelson/client';
import { patchStatusIfChanged, type Lister, type Reconciler } from '@keelson/controller-runtime';
import { orphaned, outOfService, surplusTerminated, unscheduledTerminating, type Garbage } from './pod-garbage.ts';

interface Dependencies {
  readonly client: Client;
  readonly clock: Clock;
  readonly pods: Lister<Pod>;
  readonly nodes: Lister<Node>;
  /** Pods that have ended and may stay. None are removed if it is 0 or less. */
  readonly terminatedPodThreshold: number;
}

/** A node must have been missing for so long before its pods go: the cache of nodes may lag behind that of pods. */
const QUARANTINE_MS = 40_000;

/** Removes pods that nobody else will: looks at all pods each time, whatever the key. */
export class PodGarbageCollector implements Reconciler {
  readonly #dependencies: Dependencies;
  /** Nodes that have pods and do not exist, and since when. */
  readonly #missingSinceMs = new Map<string, number>();

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies;
  }

  async reconcile(): Promise<void> {
    const { nodes, pods, terminatedPodThreshold } = this.#dependencies;
    const present = pods.list();
    const garbage = [
      ...surplusTerminated(present, terminatedPodThreshold),
      ...outOfService(present, (name) => nodes.get(name)),
      ...orphaned(present, await this.#goneNodes(present)),
      ...unscheduledTerminating(present),
    ];
    const unique = new Map(garbage.map((each) => [uidOf(each.pod), each]));
    const results = await Promise.allSettled(Array.from(unique.values(), (each) => this.#remove(each)));
    const failure = results.find((result) => result.status === 'rejected');
    if (failure) throw failure.reason;
  }

  async #goneNodes(pods: readonly Pod[]): Promise<ReadonlySet<string>> {
    const { client, clock, nodes } = this.#dependencies;
    const names = new Set(pods.map(({ spec }) => spec?.nodeName ?? ''));
    const missing = new Set([...names].filter((name) => name !== '' && !nodes.get(name)));
    for (const name of this.#missingSinceMs.keys()) if (!missing.has(name)) this.#missingSinceMs.delete(name);
    const gone = new Set<string>();
    for (const name of missing) {
      const sinceMs = this.#missingSinceMs.get(name) ?? clock.monotonic();
      this.#missingSinceMs.set(name, sinceMs);
      if (clock.monotonic() - sinceMs < QUARANTINE_MS) continue;
      // The last word is the server's own, not the cache's.
      if (!(await client.resource(Node).find({ name }))) gone.add(name);
    }
    return gone;
  }

  /** What has not ended is marked as failed first, so that whoever waits for it sees its end. */
  async #remove({ pod, condition }: Garbage): Promise<void> {
    const { client, clock } = this.#dependencies;
    if (isPodTerminal(pod) && isGoing(pod)) return;
    try {
      if (!isPodTerminal(pod)) {
        const known = pod.status?.conditions;
        const conditions = condition ? setCondition(known, condition, clock.now()) : known;
        await patchStatusIfChanged(client, Pod, pod, { phase: 'Failed', conditions });
      }
      const options = { gracePeriodSeconds: 0, preconditions: { uid: uidOf(pod) } };
      await client.resource(Pod).delete({ name: nameOf(pod), namespace: namespaceOf(pod) }, options);
    } catch (error) {
      // It is gone, or has changed: the next look is soon enough.
      if (!isReason(error, 'NotFound', 'Conflict')) throw error;
    }
  }
}

/** Only finalizers hold it: to delete it once more would change nothing. */
function isGoing({ metadata }: Pod): boolean {
  return metadata?.deletionTimestamp !== undefined && metadata.deletionGracePeriodSeconds === 0;
}
