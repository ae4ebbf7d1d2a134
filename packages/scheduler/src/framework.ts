import type { Node, Pod } from '@keelson/api/core/v1';
import type { NodeInfo } from './node-info.ts';

/** What one attempt to schedule one pod keeps between extension points. Each plugin writes under keys of its own. */
export class CycleState {
  readonly #values = new Map<string, unknown>();

  write(key: string, value: unknown): void {
    this.#values.set(key, value);
  }

  /** What was written under `key` in this attempt; the plugin that wrote it knows its type. */
  read<T>(key: string): T | undefined {
    return this.#values.get(key) as T | undefined;
  }
}

/** The cluster as one attempt sees it: it does not change while the attempt lasts. */
export interface Snapshot {
  readonly nodes: readonly NodeInfo[];
  node(name: string): NodeInfo | undefined;
}

/** Why a pod does not fit, in words for the user. */
export interface Refusal {
  readonly reason: string;
  /** What else is in the way on the same node: each is counted for the user. */
  readonly more?: readonly string[];
  /** False if removing pods from the node could not help. */
  readonly preemptable: boolean;
}

/** `undefined`: no objection. */
export type Verdict = Refusal | undefined;

/** Says of a plugin that this pod is nothing to it: it is not asked about any node (upstream's status `Skip`). */
export const SKIP = 'Skip';

interface Named {
  readonly name: string;
}

/** Keeps a pod out of the queue: it is not even tried until it changes. */
export interface PreEnqueuePlugin extends Named {
  preEnqueue(pod: Pod): Verdict;
}

/** Which of two pods is tried first. */
export interface QueueSortPlugin extends Named {
  /** Negative if `a` goes first. */
  compare(a: QueuedPod, b: QueuedPod): number;
}

export interface QueuedPod {
  readonly pod: Pod;
  /** When it came into the queue, by the monotonic clock; ties are broken by it. */
  readonly addedMs: number;
}

/** Works out what `filter` needs, once for all nodes. Refuses if no node can fit; `SKIP` leaves out its `filter`. */
export interface PreFilterPlugin extends Named {
  preFilter(state: CycleState, pod: Pod, snapshot: Snapshot): Verdict | typeof SKIP;
}

/** Says whether a pod may run on a node. Called for each node: keep it cheap. */
export interface FilterPlugin extends Named {
  filter(state: CycleState, pod: Pod, node: NodeInfo): Verdict;
}

/** An attempt that found no node, for those who can make room. */
export interface SchedulingFailure {
  /** By node. */
  readonly refusals: ReadonlyMap<string, Refusal>;
  readonly snapshot: Snapshot;
  /** Where the pod was to be tried, because room was made there for it. */
  readonly nominatedNode: string | undefined;
  /** Why the pod would not fit if the node of that name were as `node` is: a changed copy of the one in the snapshot. */
  tryOn(node: NodeInfo): Verdict;
}

export interface PostFilterResult {
  /** For the user, behind why no node fits. */
  readonly message?: string;
  /** Where the pod is to be tried again: what is free there is kept from pods that matter less. `''`: nowhere; absent: as it was. */
  readonly nominatedNode?: string;
  /** Makes the room. If it rejects, the pod is tried again and nothing is kept free. */
  readonly makeRoom?: (signal: AbortSignal) => Promise<void>;
}

/** Asked when no node fits; may make room. It decides at once, on the cluster as the attempt saw it, and acts later. */
export interface PostFilterPlugin extends Named {
  postFilter(state: CycleState, pod: Pod, failure: SchedulingFailure): PostFilterResult;
}

/** Works out what `score` needs, once for all nodes; `SKIP` leaves out its `score`. */
export interface PreScorePlugin extends Named {
  preScore(state: CycleState, pod: Pod, snapshot: Snapshot, nodes: readonly NodeInfo[]): void | typeof SKIP;
}

/** Ranks nodes that fit, from 0 to `MAX_NODE_SCORE`, or any scale if `normalize` brings it there. */
export interface ScorePlugin extends Named {
  score(state: CycleState, pod: Pod, node: NodeInfo): number;
  /** Changes the scores of all nodes in place. */
  normalize?(state: CycleState, pod: Pod, scores: number[]): void;
}

/** Told when a pod has been given a node, before it is bound. `unreserve` undoes it, and must always succeed. */
export interface ReservePlugin extends Named {
  reserve(state: CycleState, pod: Pod, nodeName: string): Verdict;
  unreserve(state: CycleState, pod: Pod, nodeName: string): void;
}

/** May hold a pod back before it is bound: the promise decides, and rejects to refuse. */
export interface PermitPlugin extends Named {
  permit(state: CycleState, pod: Pod, nodeName: string, signal: AbortSignal): Promise<Verdict>;
}

/** Makes ready what a pod needs before it is bound: its volumes, say. May take long; stops when `signal` aborts. */
export interface PreBindPlugin extends Named {
  preBind(state: CycleState, pod: Pod, nodeName: string, signal: AbortSignal): Promise<Verdict>;
  /** `SKIP` if nothing is to be made ready for this pod, as for all without the method that have to do with every pod. */
  preBindPreFlight?(state: CycleState, pod: Pod, nodeName: string): typeof SKIP | undefined;
}

/** Binds a pod to its node. The first one that does not answer `skip` has done it. */
export interface BindPlugin extends Named {
  bind(state: CycleState, pod: Pod, nodeName: string): Promise<'bound' | 'skip'>;
}

export interface PostBindPlugin extends Named {
  postBind(state: CycleState, pod: Pod, nodeName: string): void;
}

/** Any plugin: an object with a name and the extension points that it implements. */
export type Plugin = Named &
  Partial<
    Omit<PreEnqueuePlugin, 'name'> &
      Omit<QueueSortPlugin, 'name'> &
      Omit<PreFilterPlugin, 'name'> &
      Omit<FilterPlugin, 'name'> &
      Omit<PostFilterPlugin, 'name'> &
      Omit<PreScorePlugin, 'name'> &
      Omit<ScorePlugin, 'name'> &
      Omit<ReservePlugin, 'name'> &
      Omit<PermitPlugin, 'name'> &
      Omit<PreBindPlugin, 'name'> &
      Omit<BindPlugin, 'name'> &
      Omit<PostBindPlugin, 'name'>
  > & {
    /** Weight of its scores; 1 if absent. */
    readonly weight?: number;
  };

export const MAX_NODE_SCORE = 100;

/** Scores brought to 0..100 by the largest one; turned round if a small raw score is good. */
export function normalizeByMax(scores: number[], reverse = false): void {
  const max = scores.reduce((most, score) => Math.max(most, score), 0);
  for (let at = 0; at < scores.length; at += 1) {
    const share = max === 0 ? 0 : Math.floor(((scores[at] ?? 0) * MAX_NODE_SCORE) / max);
    scores[at] = reverse ? MAX_NODE_SCORE - share : share;
  }
}

/** How much a pod matters. */
export function priorityOf({ spec }: Pod): number {
  return spec?.priority ?? 0;
}

/** The labels of a node; empty for one that is not there any more. */
export function labelsOf(node: Node | undefined): Readonly<Record<string, string>> {
  return node?.metadata?.labels ?? {};
}
