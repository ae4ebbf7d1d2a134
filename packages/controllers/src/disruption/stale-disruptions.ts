import { findCondition, formatTime, isPodTerminal, nameOf, namespaceOf, parseTime, uidOf } from '@keelson/api';
import { Pod } from '@keelson/api/core/v1';
import { isReason, type Clock } from '@keelson/base';
import type { Client } from '@keelson/client';
import { keyText, type Lister, type NamespacedName, type Reconciler, type ReconcileResult } from '@keelson/controller-runtime';

const CONDITION = 'DisruptionTarget';
/** After so long, a pod that was to go and is not even being deleted stays. */
const STALE_MS = 2 * 60_000;
/** The kubelet ends pods by itself, however long that takes. */
const BY_KUBELET = 'TerminationByKubelet';

interface Dependencies {
  readonly client: Client;
  readonly clock: Clock;
  readonly pods: Lister<Pod>;
}

/** True if a pod says that it is about to go, and is not going yet. */
export function isAboutToGo(pod: Pod): boolean {
  const condition = findCondition(pod.status?.conditions, CONDITION);
  if (condition?.status !== 'True' || condition.reason === BY_KUBELET) return false;
  return pod.metadata?.deletionTimestamp === undefined && !isPodTerminal(pod);
}

/** Takes back from pods that they are about to go, if they do not. */
export class StaleDisruptions implements Reconciler {
  readonly #dependencies: Dependencies;

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies;
  }

  async reconcile(key: NamespacedName): Promise<ReconcileResult> {
    const { client, clock, pods } = this.#dependencies;
    const pod = pods.getByKey(keyText(key));
    if (!pod || !isAboutToGo(pod)) return {};
    const sinceMs = parseTime(findCondition(pod.status?.conditions, CONDITION)?.lastTransitionTime) ?? 0;
    const waitMs = sinceMs + STALE_MS - clock.now();
    if (waitMs > 0) return { requeueAfterMs: waitMs };
    const conditions = [{ type: CONDITION, status: 'False', lastTransitionTime: formatTime(clock.now()) }];
    const { resourceVersion } = pod.metadata ?? {};
    const patch = { metadata: { uid: uidOf(pod), resourceVersion }, status: { conditions } };
    try {
      await client.resource(Pod).patchStatus({ name: nameOf(pod), namespace: namespaceOf(pod) }, 'strategic', patch);
    } catch (error) {
      if (!isReason(error, 'NotFound')) throw error;
    }
    return {};
  }
}
