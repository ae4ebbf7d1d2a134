import { formatTime, nameOf, namespaceOf, uidOf } from '@keelson/api';
import { Pod } from '@keelson/api/core/v1';
import type { PodDisruptionBudget } from '@keelson/api/policy/v1';
import { isReason, type Clock } from '@keelson/base';
import type { Client } from '@keelson/client';
import {
  priorityOf,
  type CycleState,
  type PostFilterPlugin,
  type PostFilterResult,
  type SchedulingFailure,
} from '../../framework.ts';
import type { NodeInfo } from '../../node-info.ts';
import { bestCandidate } from './best-candidate.ts';
import { victimsOn, type Candidate } from './victims.ts';

/** So many nodes are looked at, or a tenth of all if that is more, once one has been found. */
const MIN_CANDIDATES = 100;
const CANDIDATES_SHARE = 0.1;
const REASON = 'PreemptionByScheduler';

export interface DefaultPreemptionDependencies {
  readonly client: Client;
  readonly clock: Clock;
  readonly budgets: { list(): readonly PodDisruptionBudget[] };
  /** Told of each pod that has to go. */
  readonly preempted?: ((victim: Pod, pod: Pod, nodeName: string) => void) | undefined;
  readonly random?: () => number;
}

/** Ends pods that matter less, with their grace, where that lets a pod run that matters more. */
export class DefaultPreemption implements PostFilterPlugin {
  readonly name = 'DefaultPreemption';
  readonly #deps: DefaultPreemptionDependencies;

  constructor(deps: DefaultPreemptionDependencies) {
    this.#deps = deps;
  }

  postFilter(_state: CycleState, pod: Pod, failure: SchedulingFailure): PostFilterResult {
    const objection = whyNot(pod, failure);
    if (objection !== undefined) return { message: `preemption: ${objection}` };
    const { candidates, reasons } = this.#candidates(pod, failure);
    const best = bestCandidate(candidates);
    if (!best) return { message: `preemption: ${messageOf(failure, reasons)}`, nominatedNode: '' };
    return { nominatedNode: best.nodeName, makeRoom: (signal) => this.#end(best, pod, signal) };
  }

  #candidates(
    pod: Pod,
    failure: SchedulingFailure,
  ): { readonly candidates: readonly Candidate[]; readonly reasons: ReadonlyMap<string, string> } {
    const nodes = failure.snapshot.nodes.filter(({ name }) => failure.refusals.get(name)?.preemptable === true);
    const budgets = this.#deps.budgets.list();
    const enough = Math.max(MIN_CANDIDATES, Math.floor(failure.snapshot.nodes.length * CANDIDATES_SHARE));
    const candidates: Candidate[] = [];
    const reasons = new Map<string, string>();
    for (const node of this.#fromAnywhere(nodes)) {
      const found = victimsOn(pod, node, { failure, budgets });
      if (typeof found === 'string') reasons.set(node.name, found);
      else candidates.push(found);
      if (candidates.length >= enough && candidates.some(({ violations }) => violations === 0)) break;
    }
    return { candidates, reasons };
  }

  /** So that it is not always the same nodes that lose their pods. */
  #fromAnywhere(nodes: readonly NodeInfo[]): readonly NodeInfo[] {
    const first = Math.floor((this.#deps.random ?? Math.random)() * nodes.length);
    return [...nodes.slice(first), ...nodes.slice(0, first)];
  }

  async #end({ victims, nodeName }: Candidate, pod: Pod, signal: AbortSignal): Promise<void> {
    const { client, clock, preempted } = this.#deps;
    const pods = client.resource(Pod);
    const message = `${pod.spec?.schedulerName ?? 'default-scheduler'}: preempting to accommodate a higher priority pod`;
    const condition = { type: 'DisruptionTarget', status: 'True', reason: REASON, message };
    const status = { conditions: [{ ...condition, lastTransitionTime: formatTime(clock.now()) }] };
    await Promise.all(
      victims.map(async (victim) => {
        if (victim.metadata?.deletionTimestamp !== undefined) return;
        const name = { name: nameOf(victim), namespace: namespaceOf(victim) };
        try {
          const metadata = { uid: uidOf(victim) };
          await pods.patchStatus(name, 'strategic', { metadata, status }, { signal });
          await pods.delete(name, { preconditions: { uid: uidOf(victim) }, signal });
          preempted?.(victim, pod, nodeName);
        } catch (error) {
          // It has gone by itself.
          if (!isReason(error, 'NotFound', 'Conflict')) throw error;
        }
      }),
    );
  }
}

function whyNot(pod: Pod, { nominatedNode, refusals, snapshot }: SchedulingFailure): string | undefined {
  if (pod.spec?.preemptionPolicy === 'Never') return 'not eligible due to preemptionPolicy=Never.';
  if (nominatedNode === undefined || refusals.get(nominatedNode)?.preemptable === false) return undefined;
  const isGoing = (other: Pod): boolean =>
    priorityOf(other) < priorityOf(pod) && other.metadata?.deletionTimestamp !== undefined && isPreempted(other);
  const pods = Array.from(snapshot.node(nominatedNode)?.pods ?? []);
  return pods.some(isGoing) ? 'not eligible due to a terminating pod on the nominated node.' : undefined;
}

function isPreempted({ status }: Pod): boolean {
  return status?.conditions?.some((found) => found.type === 'DisruptionTarget' && found.reason === REASON) ?? false;
}

function messageOf({ snapshot }: SchedulingFailure, reasons: ReadonlyMap<string, string>): string {
  const counts = new Map<string, number>();
  for (const { name } of snapshot.nodes) {
    const reason = reasons.get(name) ?? 'Preemption is not helpful for scheduling';
    counts.set(reason, (counts.get(reason) ?? 0) + 1);
  }
  const total = snapshot.nodes.length;
  return `0/${total} nodes are available: ${[...counts]
    .map(([reason, count]) => `${count} ${reason}`)
    .sort()
    .join(', ')}.`;
}
