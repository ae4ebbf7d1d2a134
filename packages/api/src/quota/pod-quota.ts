import type { Container, Pod, PodAffinityTerm, ScopedResourceSelectorRequirement } from '../generated/core/v1.ts';
import { isPodTerminal, podResourceLimits, podResourceRequests, qosClass, type ResourceAmounts } from '../pods.ts';
import { parseQuantity, type Quantity } from '../quantity.ts';
import { labelSelectorFrom } from '../selectors.ts';
import { parseTime } from '../time.ts';
import type { QuotaEvaluator } from './quota-evaluator.ts';

const ONE = parseQuantity(1);
const COMPUTE = ['cpu', 'memory', 'ephemeral-storage'];
const NAMES = new Set(['pods', 'count/pods', ...COMPUTE.flatMap((name) => [name, `requests.${name}`, `limits.${name}`])]);
/** What each container has to say for itself if it is limited. */
const REQUIRED = new Set(['cpu', 'memory'].flatMap((name) => [name, `requests.${name}`, `limits.${name}`]));

/** Pods, and what they ask for. One that has ended only counts as an object. */
export const podQuota: QuotaEvaluator<Pod> = {
  countsUpdates: false,
  matching: (names) => names.filter((name) => NAMES.has(name) || isOther(name)),
  usage(pod, nowMs) {
    const usage = new Map([['count/pods', ONE]]);
    if (isOver(pod, nowMs)) return usage;
    usage.set('pods', ONE);
    for (const [name, amount] of requestedBy(podResourceRequests(pod))) usage.set(name, amount);
    for (const [name, amount] of limitedBy(podResourceLimits(pod))) usage.set(name, amount);
    return usage;
  },
  isInScope,
  problem(limited, { spec }) {
    const said = namesOf(spec?.resources);
    const required = limited.filter((name) => REQUIRED.has(name) && !said.has(name)).toSorted();
    const missing = required.flatMap((name) => {
      const silent = [...(spec?.containers ?? []), ...(spec?.initContainers ?? [])].filter(
        ({ resources }) => !namesOf(resources).has(name),
      );
      return silent.length > 0
        ? [
            `${name} for: ${silent
              .map((container) => container.name)
              .toSorted()
              .join(',')}`,
          ]
        : [];
    });
    return missing.length > 0 ? `must specify ${missing.join('; ')}` : undefined;
  },
};

/** Huge pages, and resources that vendors have named. */
function isOther(name: string): boolean {
  if (name.startsWith('hugepages-')) return true;
  const rest = name.startsWith('requests.') ? name.slice('requests.'.length) : '';
  return rest.startsWith('hugepages-') || rest.includes('/');
}

/** It has ended, or should have by now. */
function isOver(pod: Pod, nowMs: number): boolean {
  if (isPodTerminal(pod)) return true;
  // The time of the deletion has the grace in it.
  const deletedMs = parseTime(pod.metadata?.deletionTimestamp);
  return deletedMs !== undefined && pod.metadata?.deletionGracePeriodSeconds !== undefined && nowMs > deletedMs;
}

function requestedBy(requests: ResourceAmounts): readonly (readonly [string, Quantity])[] {
  return [...requests].flatMap(([name, amount]) => {
    const isPlain = COMPUTE.includes(name) || name.startsWith('hugepages-');
    return isPlain ? [[name, amount] as const, [`requests.${name}`, amount] as const] : [[`requests.${name}`, amount] as const];
  });
}

function limitedBy(limits: ResourceAmounts): readonly (readonly [string, Quantity])[] {
  return [...limits].filter(([name]) => COMPUTE.includes(name)).map(([name, amount]) => [`limits.${name}`, amount]);
}

function namesOf(resources: Container['resources']): ReadonlySet<string> {
  const requests = Object.keys(resources?.requests ?? {});
  const limits = Object.keys(resources?.limits ?? {});
  return new Set([...requests, ...requests.map((name) => `requests.${name}`), ...limits.map((name) => `limits.${name}`)]);
}

function isInScope(scope: ScopedResourceSelectorRequirement, pod: Pod): boolean {
  const { spec } = pod;
  switch (scope.scopeName) {
    case 'Terminating':
      return spec?.activeDeadlineSeconds !== undefined;
    case 'NotTerminating':
      return spec?.activeDeadlineSeconds === undefined;
    case 'BestEffort':
      return qosClass(pod) === 'BestEffort';
    case 'NotBestEffort':
      return qosClass(pod) !== 'BestEffort';
    case 'PriorityClass':
      return selects(scope, spec?.priorityClassName ?? '');
    case 'CrossNamespacePodAffinity':
      return reachesOut(pod);
    default:
      return false;
  }
}

function selects({ operator, values = [] }: ScopedResourceSelectorRequirement, value: string): boolean {
  if (operator === 'Exists') return value !== '';
  const matchExpressions = [{ key: 'scope', operator, values: [...values] }];
  return labelSelectorFrom({ matchExpressions }).matches(value === '' ? {} : { scope: value });
}

/** True if its affinity looks at pods of other namespaces. */
function reachesOut({ spec }: Pod): boolean {
  const { podAffinity, podAntiAffinity } = spec?.affinity ?? {};
  const terms: PodAffinityTerm[] = [podAffinity, podAntiAffinity].flatMap((affinity) => [
    ...(affinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []),
    ...(affinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map(({ podAffinityTerm }) => podAffinityTerm),
  ]);
  return terms.some(({ namespaces = [], namespaceSelector }) => namespaces.length > 0 || namespaceSelector !== undefined);
}
