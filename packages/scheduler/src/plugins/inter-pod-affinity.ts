import { labelSelectorFrom, namespaceOf, type LabelSelectorMatcher } from '@keelson/api';
import type { Pod, PodAffinityTerm, WeightedPodAffinityTerm } from '@keelson/api/core/v1';
import {
  labelsOf,
  MAX_NODE_SCORE,
  SKIP,
  type CycleState,
  type FilterPlugin,
  type PreFilterPlugin,
  type PreScorePlugin,
  type ScorePlugin,
  type Snapshot,
} from '../framework.ts';
import type { NodeInfo } from '../node-info.ts';

/** A term made ready to be asked about pods. */
interface Term {
  readonly topologyKey: string;
  matches(pod: Pod): boolean;
}

/** How many pods match, by `topologyKey=value`. */
type Domains = Map<string, number>;

interface Required {
  readonly affinity: readonly Term[];
  readonly antiAffinity: readonly Term[];
  /** One for each term of `affinity`. */
  readonly affinityDomains: readonly Domains[];
  readonly antiAffinityDomains: readonly Domains[];
  /** Domains with pods whose own required anti-affinity keeps this pod out. */
  readonly closedDomains: Domains;
}

const REQUIRED = 'InterPodAffinity:required';
const PREFERRED = 'InterPodAffinity:preferred';
/** The weight of other pods' required affinity to this one; upstream's `hardPodAffinityWeight`. */
const HARD_AFFINITY_WEIGHT = 1;

/** Labels of a namespace, for terms with a `namespaceSelector`. */
export type NamespaceLabels = (namespace: string) => Readonly<Record<string, string>> | undefined;

/** Pods that want to be near some pods, or far from others (kubernetes.io: assign-pod-node). */
export function interPodAffinity(
  namespaceLabels: NamespaceLabels,
): PreFilterPlugin & FilterPlugin & PreScorePlugin & ScorePlugin & { readonly weight: number } {
  const term = (owner: Pod, spec: PodAffinityTerm): Term => termOf(owner, spec, namespaceLabels);
  return {
    name: 'InterPodAffinity',
    weight: 2,
    preFilter(state, pod, snapshot) {
      const wants = required(pod, snapshot, term);
      state.write(REQUIRED, wants);
      const isFree = wants.affinity.length === 0 && wants.antiAffinity.length === 0 && wants.closedDomains.size === 0;
      return isFree ? SKIP : undefined;
    },
    filter(state, pod, node) {
      const wants = state.read<Required>(REQUIRED);
      if (!wants) return undefined;
      if (hasAny(wants.closedDomains, node))
        return { reason: "node(s) didn't satisfy existing pods anti-affinity rules", preemptable: true };
      if (!satisfiesAffinity(wants, pod, node)) return { reason: "node(s) didn't match pod affinity rules", preemptable: false };
      const isClose = wants.antiAffinity.some((anti, at) => countAt(wants.antiAffinityDomains[at], anti.topologyKey, node) > 0);
      return isClose ? { reason: "node(s) didn't match pod anti-affinity rules", preemptable: true } : undefined;
    },
    preScore(state, pod, snapshot) {
      const sums = preferred(pod, snapshot, term);
      state.write(PREFERRED, sums);
      return sums.size === 0 ? SKIP : undefined;
    },
    score(state, _pod, node) {
      return sumAt(state, node);
    },
    normalize(_state, _pod, scores) {
      const [least, most] = [Math.min(0, ...scores), Math.max(0, ...scores)];
      for (let at = 0; at < scores.length; at += 1) {
        scores[at] = most === least ? 0 : Math.floor((MAX_NODE_SCORE * ((scores[at] ?? 0) - least)) / (most - least));
      }
    },
  };
}

type MakeTerm = (owner: Pod, spec: PodAffinityTerm) => Term;

function termOf(owner: Pod, spec: PodAffinityTerm, namespaceLabels: NamespaceLabels): Term {
  const selector = narrowed(owner, spec);
  const namespaceSelector = spec.namespaceSelector && labelSelectorFrom(spec.namespaceSelector);
  const named = spec.namespaces?.length || namespaceSelector ? (spec.namespaces ?? []) : [namespaceOf(owner)];
  const inScope = (namespace: string): boolean =>
    named.includes(namespace) || (namespaceSelector?.matches(namespaceLabels(namespace)) ?? false);
  return { topologyKey: spec.topologyKey, matches: (pod) => inScope(namespaceOf(pod)) && selector.matches(pod.metadata?.labels) };
}

/** The term's selector, narrowed by the owner's values of `matchLabelKeys` and widened by `mismatchLabelKeys` (KEP-3633). */
function narrowed(owner: Pod, { labelSelector, matchLabelKeys, mismatchLabelKeys }: PodAffinityTerm): LabelSelectorMatcher {
  const own = owner.metadata?.labels ?? {};
  const requirement = (operator: string) => (key: string) => ({ key, operator, values: [own[key] ?? ''] });
  const has = (key: string): boolean => Object.hasOwn(own, key);
  const extra = [
    ...(matchLabelKeys ?? []).filter(has).map(requirement('In')),
    ...(mismatchLabelKeys ?? []).filter(has).map(requirement('NotIn')),
  ];
  if (extra.length === 0 || !labelSelector) return labelSelectorFrom(labelSelector);
  return labelSelectorFrom({ ...labelSelector, matchExpressions: [...(labelSelector.matchExpressions ?? []), ...extra] });
}

function add(domains: Domains, topologyKey: string, node: NodeInfo, by: number): void {
  const value = labelsOf(node.node)[topologyKey];
  if (value !== undefined) domains.set(`${topologyKey}=${value}`, (domains.get(`${topologyKey}=${value}`) ?? 0) + by);
}

function countAt(domains: Domains | undefined, topologyKey: string, node: NodeInfo): number {
  return domains?.get(`${topologyKey}=${labelsOf(node.node)[topologyKey] ?? ''}`) ?? 0;
}

function hasAny(domains: Domains, node: NodeInfo): boolean {
  if (domains.size === 0) return false;
  return Object.entries(labelsOf(node.node)).some(([key, value]) => (domains.get(`${key}=${value}`) ?? 0) > 0);
}

function required(pod: Pod, snapshot: Snapshot, term: MakeTerm): Required {
  const affinity = (pod.spec?.affinity?.podAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []).map((spec) =>
    term(pod, spec),
  );
  const antiAffinity = (pod.spec?.affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []).map((spec) =>
    term(pod, spec),
  );
  const affinityDomains = affinity.map((): Domains => new Map());
  const antiAffinityDomains = antiAffinity.map((): Domains => new Map());
  const closedDomains: Domains = new Map();
  const hasOwn = affinity.length > 0 || antiAffinity.length > 0;
  for (const node of snapshot.nodes) {
    for (const other of hasOwn ? node.pods : []) {
      // A pod counts for affinity only if it matches all terms, as upstream has it.
      if (affinity.every((each) => each.matches(other)))
        affinity.forEach((each, at) => add(affinityDomains[at] ?? new Map(), each.topologyKey, node, 1));
      antiAffinity.forEach(
        (each, at) => each.matches(other) && add(antiAffinityDomains[at] ?? new Map(), each.topologyKey, node, 1),
      );
    }
    for (const other of node.podsWithAffinity) {
      for (const spec of other.spec?.affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []) {
        if (term(other, spec).matches(pod)) add(closedDomains, spec.topologyKey, node, 1);
      }
    }
  }
  return { affinity, antiAffinity, affinityDomains, antiAffinityDomains, closedDomains };
}

/** The first pod of a group that wants to be near itself may go anywhere that has the labels. */
function satisfiesAffinity({ affinity, affinityDomains }: Required, pod: Pod, node: NodeInfo): boolean {
  if (affinity.length === 0) return true;
  if (!affinity.every(({ topologyKey }) => Object.hasOwn(labelsOf(node.node), topologyKey))) return false;
  if (affinity.every(({ topologyKey }, at) => countAt(affinityDomains[at], topologyKey, node) > 0)) return true;
  return affinityDomains.every(({ size }) => size === 0) && affinity.every((each) => each.matches(pod));
}

/** The sum of weights by domain: what this pod prefers, and what the pods that are there prefer of it. */
function preferred(pod: Pod, snapshot: Snapshot, term: MakeTerm): Domains {
  const sums: Domains = new Map();
  const own = weighted(pod, term);
  for (const node of snapshot.nodes) {
    for (const other of own.length > 0 ? node.pods : []) {
      for (const { weight, term: each } of own) if (each.matches(other)) add(sums, each.topologyKey, node, weight);
    }
    for (const other of node.podsWithAffinity) {
      for (const { weight, term: each } of weighted(other, term))
        if (each.matches(pod)) add(sums, each.topologyKey, node, weight);
      for (const spec of other.spec?.affinity?.podAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []) {
        if (term(other, spec).matches(pod)) add(sums, spec.topologyKey, node, HARD_AFFINITY_WEIGHT);
      }
    }
  }
  return sums;
}

function weighted(pod: Pod, term: MakeTerm): { readonly weight: number; readonly term: Term }[] {
  const ready = (sign: 1 | -1) => (each: WeightedPodAffinityTerm) => ({
    weight: sign * each.weight,
    term: term(pod, each.podAffinityTerm),
  });
  return [
    ...(pod.spec?.affinity?.podAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map(ready(1)),
    ...(pod.spec?.affinity?.podAntiAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map(ready(-1)),
  ];
}

function sumAt(state: CycleState, node: NodeInfo): number {
  const sums = state.read<Domains>(PREFERRED);
  if (!sums || sums.size === 0) return 0;
  return Object.entries(labelsOf(node.node)).reduce((sum, [key, value]) => sum + (sums.get(`${key}=${value}`) ?? 0), 0);
}
