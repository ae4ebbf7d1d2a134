import type { Container, Pod, PodCondition, PodSpec, ResourceRequirements } from './generated/core/v1.ts';
import { findCondition } from './objects.ts';
import { parseQuantity, Quantity } from './quantity.ts';
import { parseTime } from './time.ts';

/** Succeeded or Failed: the pod never runs again. */
export function isPodTerminal(pod: Pod): boolean {
  return pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
}

/** Neither terminal nor being deleted: what controllers count as theirs. */
export function isPodActive(pod: Pod): boolean {
  return !isPodTerminal(pod) && !pod.metadata?.deletionTimestamp;
}

function readyCondition(pod: Pod): PodCondition | undefined {
  return findCondition(pod.status?.conditions, 'Ready');
}

export function isPodReady(pod: Pod): boolean {
  return readyCondition(pod)?.status === 'True';
}

/** Ready for at least `minReadySeconds`. */
export function isPodAvailable(pod: Pod, minReadySeconds: number, nowMs: number): boolean {
  const ready = readyCondition(pod);
  if (ready?.status !== 'True') return false;
  if (minReadySeconds === 0) return true;
  const sinceMs = parseTime(ready.lastTransitionTime);
  return sinceMs !== undefined && sinceMs + minReadySeconds * 1_000 <= nowMs;
}

/** An init container that keeps running beside the others. */
export function isSidecar(container: Container): boolean {
  return container.restartPolicy === 'Always';
}

/** What the first of a container's own rules for this exit code asks for, whatever its policy says: `Restart` or `RestartAllContainers`. */
export function restartAction({ restartPolicyRules = [] }: Container, exitCode: number): string | undefined {
  const rule = restartPolicyRules.find(({ exitCodes }) => {
    if (!exitCodes) return false;
    const isListed = exitCodes.values?.includes(exitCode) ?? false;
    return exitCodes.operator === 'NotIn' ? !isListed : isListed;
  });
  return rule?.action;
}

/** Whether a container that is no init container is started again after this exit code: by its rules, its own policy, or that of the pod. */
export function isContainerRestarted(spec: PodSpec, container: Container, exitCode: number): boolean {
  const action = restartAction(container, exitCode);
  if (action === 'Restart' || action === 'RestartAllContainers') return true;
  const policy = container.restartPolicy ?? spec.restartPolicy ?? 'Always';
  return policy === 'Always' || (policy === 'OnFailure' && exitCode !== 0);
}

/** Whether the end of one of the containers may restart all of them. */
export function couldRestartAll({ containers, initContainers = [] }: PodSpec): boolean {
  return [...initContainers, ...containers].some(({ restartPolicyRules = [] }) =>
    restartPolicyRules.some(({ action }) => action === 'RestartAllContainers'),
  );
}

/** Amounts by the name of their resource. */
export type ResourceAmounts = ReadonlyMap<string, Quantity>;

/** The amounts of a `requests`, `limits`, `capacity` or `allocatable` field. Throws `BadRequest` for what is no quantity. */
export function resourceAmounts(list: Readonly<Record<string, string>> | undefined): ResourceAmounts {
  return new Map(Object.entries(list ?? {}).map(([name, text]) => [name, parseQuantity(text)]));
}

function sum(a: ResourceAmounts, b: ResourceAmounts): ResourceAmounts {
  const total = new Map(a);
  for (const [name, amount] of b) total.set(name, (total.get(name) ?? Quantity.ZERO).add(amount));
  return total;
}

function largest(a: ResourceAmounts, b: ResourceAmounts): ResourceAmounts {
  const most = new Map(a);
  for (const [name, amount] of b) if (amount.cmp(most.get(name) ?? Quantity.ZERO) >= 0) most.set(name, amount);
  return most;
}

/** `example.com/gpu`: a resource that only whoever advertises it knows. */
export function isExtendedResource(resource: string): boolean {
  return resource.includes('/') && !resource.includes('kubernetes.io/') && !resource.startsWith('requests.');
}

/**
 * What a pod asks a node for: the larger of what its containers and sidecars take together, and what any init container takes beside the
 * sidecars that started before it. CPU, memory and huge pages that the pod asks for as a whole stand instead; its overhead comes on top.
 *
 * Containers 1 and 1, then init: sidecar 1, init 4, sidecar 1. Running takes 1+1+1+1 = 4, the second init step 1+4 = 5: the pod asks for 5.
 */
export function podResourceRequests(pod: Pod): ResourceAmounts {
  return sum(withoutOverhead(pod, 'requests'), resourceAmounts(pod.spec?.overhead));
}

/** The same rules for limits. Overhead counts only for resources that have a limit. */
export function podResourceLimits(pod: Pod): ResourceAmounts {
  const limits = withoutOverhead(pod, 'limits');
  const overhead = [...resourceAmounts(pod.spec?.overhead)].filter(([name]) => limits.has(name));
  return sum(limits, new Map(overhead));
}

function withoutOverhead(pod: Pod, kind: 'requests' | 'limits'): ResourceAmounts {
  const { containers = [], initContainers = [], resources } = pod.spec ?? {};
  let running: ResourceAmounts = new Map();
  for (const container of containers) running = sum(running, resourceAmounts(container.resources?.[kind]));
  let sidecars: ResourceAmounts = new Map();
  let starting: ResourceAmounts = new Map();
  for (const container of initContainers) {
    const step = sum(sidecars, resourceAmounts(container.resources?.[kind]));
    if (isSidecar(container)) sidecars = step;
    starting = largest(starting, step);
  }
  return new Map([...largest(sum(running, sidecars), starting), ...podLevelAmounts(resources, kind)]);
}

function podLevelAmounts(resources: ResourceRequirements | undefined, kind: 'requests' | 'limits'): [string, Quantity][] {
  return [...resourceAmounts(resources?.[kind])].filter(([name]) => isCompute(name) || name.startsWith('hugepages-'));
}

function isCompute(name: string): boolean {
  return name === 'cpu' || name === 'memory';
}

export type QosClass = 'Guaranteed' | 'Burstable' | 'BestEffort';

/**
 * Guaranteed: every container, init containers too, limits CPU and memory, and requests add up to the limits. BestEffort: none of them
 * asks for or limits either. Resources of the pod as a whole, if there are any, are looked at instead of its containers'.
 */
export function qosClass(pod: Pod): QosClass {
  const { containers = [], initContainers = [], resources } = pod.spec ?? {};
  const isPodLevel = podLevelAmounts(resources, 'requests').length + podLevelAmounts(resources, 'limits').length > 0;
  const parts = isPodLevel ? [resources] : [...containers, ...initContainers].map((container) => container.resources);
  const limitsOf = parts.map((part) => computeAmounts(part?.limits));
  const requests = parts.map((part) => computeAmounts(part?.requests)).reduce(sum, new Map());
  const limits = limitsOf.reduce(sum, new Map());
  if (requests.size === 0 && limits.size === 0) return 'BestEffort';
  const areAllLimited = limitsOf.every((own) => own.size === 2);
  const isEqual = requests.size === limits.size && [...requests].every(([name, amount]) => limits.get(name)?.cmp(amount) === 0);
  return areAllLimited && isEqual ? 'Guaranteed' : 'Burstable';
}

function computeAmounts(list: Readonly<Record<string, string>> | undefined): ResourceAmounts {
  return new Map([...resourceAmounts(list)].filter(([name, amount]) => isCompute(name) && amount.sign() > 0));
}
