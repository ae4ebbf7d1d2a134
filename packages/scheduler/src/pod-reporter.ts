import { formatTime, keyOf, nameOf, namespaceOf } from '@keelson/api';
import { Pod } from '@keelson/api/core/v1';
import { isReason, type Clock, type TaskGroup } from '@keelson/base';
import type { Client } from '@keelson/client';
import type { Lister } from '@keelson/controller-runtime';

/** Why a pod has no node, and where it is to be tried again. */
export interface Unscheduled {
  readonly reason: 'Unschedulable' | 'SchedulerError';
  readonly message: string;
  /** `''`: nowhere in particular any more. Absent: as it was. */
  readonly nominatedNode?: string;
}

interface Dependencies {
  readonly client: Client;
  readonly clock: Clock;
  readonly pods: Lister<Pod>;
  readonly tasks: TaskGroup;
}

/** Writes on pods why they have no node, in the background and only if it is news. */
export class PodReporter {
  readonly #deps: Dependencies;

  constructor(deps: Dependencies) {
    this.#deps = deps;
  }

  report(pod: Pod, { reason, message, nominatedNode }: Unscheduled): void {
    const { clock, pods } = this.#deps;
    const { conditions, nominatedNodeName = '' } = pods.getByKey(keyOf(pod))?.status ?? {};
    const known = conditions?.find(({ type }) => type === 'PodScheduled');
    const isMoved = nominatedNode !== undefined && nominatedNode !== nominatedNodeName;
    if (known?.status === 'False' && known.message === message && !isMoved) return;
    const lastTransitionTime = known?.lastTransitionTime ?? formatTime(clock.now());
    const condition = { type: 'PodScheduled', status: 'False', reason, message, lastTransitionTime };
    this.#patch(pod, { conditions: [condition], ...(isMoved && { nominatedNodeName: nominatedNode || null }) });
  }

  /** The room is somebody else's now. */
  clearNomination(pod: Pod): void {
    this.#patch(pod, { nominatedNodeName: null });
  }

  #patch(pod: Pod, status: object): void {
    const { client, tasks } = this.#deps;
    tasks.run(`status of ${keyOf(pod)}`, async (signal) => {
      const name = { name: nameOf(pod), namespace: namespaceOf(pod) };
      await client
        .resource(Pod)
        .patchStatus(name, 'strategic', { status }, { signal })
        .catch((error: unknown) => {
          if (!isReason(error, 'NotFound', 'Conflict')) throw error;
        });
    });
  }
}
