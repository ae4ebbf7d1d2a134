import type { Pod } from '@keelson/api/core/v1';
import {
  CycleState,
  SKIP,
  type BindPlugin,
  type FilterPlugin,
  type PermitPlugin,
  type Plugin,
  type PostBindPlugin,
  type PostFilterPlugin,
  type PreBindPlugin,
  type PreEnqueuePlugin,
  type PreFilterPlugin,
  type PreScorePlugin,
  type QueueSortPlugin,
  type Refusal,
  type ReservePlugin,
  type ScorePlugin,
  type Snapshot,
  type Verdict,
} from './framework.ts';
import type { NodeInfo } from './node-info.ts';
import { Nominations } from './nominations.ts';
import { prioritySort } from './plugins/priority-sort.ts';

/** Below so many nodes all are looked at. */
const MIN_NODES = 100;
/** The share of nodes that fit after which the search ends, in a cluster of a given size; upstream's formula. */
function enoughNodes(total: number): number {
  if (total <= MIN_NODES) return total;
  const percent = Math.max(5, 50 - Math.floor(total / 125));
  return Math.max(MIN_NODES, Math.floor((total * percent) / 100));
}

/** A node for a pod, or why there is none. */
export type Placement =
  | {
      readonly type: 'placed';
      readonly nodeName: string;
      readonly state: CycleState;
      readonly evaluated: number;
      readonly feasible: number;
    }
  | {
      readonly type: 'unschedulable';
      readonly state: CycleState;
      readonly refusals: ReadonlyMap<string, Refusal>;
      readonly message: string;
    };

type Weighted = ScorePlugin & { readonly weight?: number };

/** A set of plugins under a scheduler's name: what pods with that `schedulerName` are placed by. */
export class Profile {
  readonly schedulerName: string;
  readonly queueSort: QueueSortPlugin;
  readonly preEnqueue: readonly PreEnqueuePlugin[];
  readonly postFilter: readonly PostFilterPlugin[];
  readonly reserve: readonly ReservePlugin[];
  readonly permit: readonly PermitPlugin[];
  readonly preBind: readonly PreBindPlugin[];
  readonly bind: readonly BindPlugin[];
  readonly postBind: readonly PostBindPlugin[];
  readonly #preFilter: readonly PreFilterPlugin[];
  readonly #filter: readonly FilterPlugin[];
  readonly #preScore: readonly PreScorePlugin[];
  readonly #score: readonly Weighted[];
  readonly #random: () => number;
  /** Where the next search begins, so that all nodes get their turn. */
  #start = 0;

  constructor(schedulerName: string, plugins: readonly Plugin[], random: () => number = Math.random) {
    this.schedulerName = schedulerName;
    this.#random = random;
    // Each filter tells by the method that names the extension point that the plugin implements it.
    const having = <T extends Plugin>(method: keyof Plugin): T[] =>
      plugins.filter((plugin): plugin is T => typeof plugin[method] === 'function');
    this.queueSort = having<QueueSortPlugin>('compare').at(-1) ?? prioritySort;
    this.preEnqueue = having('preEnqueue');
    this.#preFilter = having('preFilter');
    this.#filter = having('filter');
    this.postFilter = having('postFilter');
    this.#preScore = having('preScore');
    this.#score = having('score');
    this.reserve = having('reserve');
    this.permit = having('permit');
    this.preBind = having('preBind');
    this.bind = having('bind');
    this.postBind = having('postBind');
  }

  /** True if something may hold the pod back for long before it is bound. */
  mayWait(state: CycleState, pod: Pod, nodeName: string): boolean {
    return this.permit.length > 0 || this.preBind.some((plugin) => plugin.preBindPreFlight?.(state, pod, nodeName) !== SKIP);
  }

  /**
   * Finds the best node for a pod; for one that is nominated to a node, that one if it fits. Pure but for the plugins' own state: nothing is
   * reserved.
   */
  place(pod: Pod, snapshot: Snapshot, nominations: Nominations = new Nominations()): Placement {
    const state = new CycleState();
    const refusals = new Map<string, Refusal>();
    const total = snapshot.nodes.length;
    const before = this.#runPreFilters(state, pod, snapshot);
    if (before.refusal) for (const { name } of snapshot.nodes) refusals.set(name, before.refusal);
    const attempt = { state, pod, filters: before.filters, nominations };
    const feasible = before.refusal ? [] : this.#findFeasible(attempt, snapshot, refusals);
    if (feasible.length === 0) {
      const message = before.refusal ? nowhereMessage(total, before.refusal) : unschedulableMessage(total, refusals);
      return { type: 'unschedulable', state, refusals, message };
    }
    const nodeName = feasible.length === 1 ? (feasible[0]?.name ?? '') : this.#best(state, pod, snapshot, feasible);
    return { type: 'placed', nodeName, state, evaluated: feasible.length + refusals.size, feasible: feasible.length };
  }

  /** The filters that are left to ask, or why no node can do. */
  #runPreFilters(
    state: CycleState,
    pod: Pod,
    snapshot: Snapshot,
  ): { readonly refusal?: Refusal; readonly filters: readonly FilterPlugin[] } {
    const skipped = new Set<string>();
    for (const plugin of this.#preFilter) {
      const verdict = plugin.preFilter(state, pod, snapshot);
      if (verdict === SKIP) skipped.add(plugin.name);
      else if (verdict) return { refusal: verdict, filters: [] };
    }
    return { filters: without(this.#filter, skipped) };
  }

  /** Why a pod would not fit if a node were as `node` is, which stands for the one of its name. */
  tryOn(
    pod: Pod,
    node: NodeInfo,
    { snapshot, nominations }: { readonly snapshot: Snapshot; readonly nominations: Nominations },
  ): Verdict {
    const state = new CycleState();
    const { refusal, filters } = this.#runPreFilters(state, pod, withNode(snapshot, node));
    return refusal ?? refusalOf({ state, pod, filters, nominations }, node);
  }

  #findFeasible(attempt: Filtering, snapshot: Snapshot, refusals: Map<string, Refusal>): NodeInfo[] {
    const { nodes } = snapshot;
    const nominated = snapshot.node(attempt.nominations.nodeOf(attempt.pod) ?? '');
    if (nominated?.node && !refusalOf(attempt, nominated)) return [nominated];
    const enough = enoughNodes(nodes.length);
    const feasible: NodeInfo[] = [];
    let looked = 0;
    for (; looked < nodes.length && feasible.length < enough; looked += 1) {
      const node = nodes[(this.#start + looked) % nodes.length];
      if (!node) continue;
      const refusal = refusalOf(attempt, node);
      if (refusal) refusals.set(node.name, refusal);
      else feasible.push(node);
    }
    this.#start = nodes.length === 0 ? 0 : (this.#start + looked) % nodes.length;
    return feasible;
  }

  #best(state: CycleState, pod: Pod, snapshot: Snapshot, nodes: readonly NodeInfo[]): string {
    const skipped = new Set<string>();
    for (const plugin of this.#preScore) if (plugin.preScore(state, pod, snapshot, nodes) === SKIP) skipped.add(plugin.name);
    const totals = nodes.map(() => 0);
    for (const plugin of without(this.#score, skipped)) {
      const scores = nodes.map((node) => plugin.score(state, pod, node));
      plugin.normalize?.(state, pod, scores);
      const weight = plugin.weight ?? 1;
      scores.forEach((score, at) => (totals[at] = (totals[at] ?? 0) + score * weight));
    }
    const most = Math.max(...totals);
    const best = nodes.filter((_node, at) => totals[at] === most);
    return best[Math.floor(this.#random() * best.length)]?.name ?? '';
  }
}

interface Filtering {
  readonly state: CycleState;
  readonly pod: Pod;
  readonly filters: readonly FilterPlugin[];
  readonly nominations: Nominations;
}

/** Pods for which room was made count as if they were there; and if they do not come, the pod must fit all the same. */
function refusalOf(attempt: Filtering, node: NodeInfo): Verdict {
  const expected = attempt.nominations.before(attempt.pod, node.name);
  if (expected.length > 0) {
    const crowded = node.copy();
    for (const pod of expected) crowded.addPod(pod);
    const refusal = ask(attempt, crowded);
    if (refusal) return refusal;
  }
  return ask(attempt, node);
}

function withNode(snapshot: Snapshot, changed: NodeInfo): Snapshot {
  let nodes: readonly NodeInfo[] | undefined;
  return {
    // Most plugins never look.
    get nodes() {
      return (nodes ??= snapshot.nodes.map((node) => (node.name === changed.name ? changed : node)));
    },
    node: (name) => (name === changed.name ? changed : snapshot.node(name)),
  };
}

function ask({ state, pod, filters }: Filtering, node: NodeInfo): Verdict {
  for (const plugin of filters) {
    const refusal = plugin.filter(state, pod, node);
    if (refusal) return refusal;
  }
  return undefined;
}

function without<T extends { readonly name: string }>(plugins: readonly T[], names: ReadonlySet<string>): readonly T[] {
  return names.size === 0 ? plugins : plugins.filter(({ name }) => !names.has(name));
}

/** What holds for the pod on any node is said once. */
function nowhereMessage(total: number, { reason }: Refusal): string {
  return total === 0 ? NO_NODES : `0/${total} nodes are available: ${reason}.`;
}

const NO_NODES = 'no nodes available to schedule pods';

/** As upstream words it: `0/3 nodes are available: 1 Insufficient cpu, 2 node(s) were unschedulable.` */
export function unschedulableMessage(total: number, refusals: ReadonlyMap<string, Refusal>): string {
  if (total === 0) return NO_NODES;
  const counts = new Map<string, number>();
  for (const { reason, more = [] } of refusals.values()) {
    for (const each of [reason, ...more]) counts.set(each, (counts.get(each) ?? 0) + 1);
  }
  const reasons = [...counts].map(([reason, count]) => `${count} ${reason}`).sort();
  return `0/${total} nodes are available: ${reasons.join(', ')}.`;
}
