import {
  isSidecar,
  parseQuantity,
  podResourceLimits,
  podResourceRequests,
  qosClass as qosClassOf,
  Quantity,
  type QosClass,
} from '@keelson/api';
import type { Container, Pod } from '@keelson/api/core/v1';
import type { ContainerResources } from '@keelson/runtime';

const QOS_CLASSES: readonly QosClass[] = ['Guaranteed', 'Burstable', 'BestEffort'];

/** The class of a pod, once and for all: what the API says, else what follows from the spec. */
export function qosClass(pod: Pod): QosClass {
  return QOS_CLASSES.find((name) => name === pod.status?.qosClass) ?? qosClassOf(pod);
}

/** The cgroup of a pod, under the runtime's root. */
export function cgroupParent(pod: Pod): string {
  const qos = qosClass(pod);
  const tier = qos === 'Guaranteed' ? '' : `/${qos.toLowerCase()}`;
  return `kubepods${tier}/pod${pod.metadata?.uid ?? ''}`;
}

const MIN_SHARES = 2;
const SHARES_PER_CPU = 1024;
const MAX_SHARES = 262_144;
const PERIOD_US = 100_000;
const MIN_QUOTA_US = 1000;

/** The cgroup figures of a pod as a whole: what keeps all of it, overhead included, within its limits, if everything in it has one. */
export function podResources(pod: Pod): ContainerResources {
  const requests = podResourceRequests(pod);
  const limits = podResourceLimits(pod);
  const isLimited = (name: string): boolean =>
    limits.has(name) &&
    (pod.spec?.resources?.limits?.[name] !== undefined || containersOf(pod).every((each) => each.resources?.limits?.[name]));
  const cpuLimit = isLimited('cpu') ? Number(limits.get('cpu')?.milliValue() ?? 0) : 0;
  const memoryLimit = isLimited('memory') ? Number(limits.get('memory')?.value() ?? 0) : 0;
  return {
    cpuShares: sharesOf(Number(requests.get('cpu')?.milliValue() ?? 0)),
    ...(cpuLimit > 0 && { cpuQuotaUs: quotaOf(cpuLimit), cpuPeriodUs: PERIOD_US }),
    ...(memoryLimit > 0 && { memoryLimitBytes: memoryLimit }),
  };
}

/** Pure: figures under which a pod has room for what either of two sets of figures allows. */
export function widerOf(one: ContainerResources, other: ContainerResources): ContainerResources {
  const { cpuQuotaUs: oneQuota, memoryLimitBytes: oneMemory } = one;
  const { cpuQuotaUs: otherQuota, memoryLimitBytes: otherMemory } = other;
  return {
    cpuShares: Math.max(one.cpuShares ?? MIN_SHARES, other.cpuShares ?? MIN_SHARES),
    // Without a limit in one of them there is none.
    ...(oneQuota !== undefined &&
      otherQuota !== undefined && { cpuQuotaUs: Math.max(oneQuota, otherQuota), cpuPeriodUs: PERIOD_US }),
    ...(oneMemory !== undefined && otherMemory !== undefined && { memoryLimitBytes: Math.max(oneMemory, otherMemory) }),
  };
}

function containersOf({ spec }: Pod): readonly Container[] {
  return [...(spec?.containers ?? []), ...(spec?.initContainers ?? [])];
}

function sharesOf(cpuMilli: number): number {
  return Math.min(MAX_SHARES, Math.max(MIN_SHARES, Math.floor((cpuMilli * SHARES_PER_CPU) / 1000)));
}

function quotaOf(cpuMilli: number): number {
  return Math.max(MIN_QUOTA_US, (cpuMilli * PERIOD_US) / 1000);
}

/** The cgroup figures of a container. `memoryCapacityBytes` is the node's. */
export function containerResources(pod: Pod, container: Container, memoryCapacityBytes: number): ContainerResources {
  const { requests, limits } = container.resources ?? {};
  const cpuLimit = milli(limits?.['cpu']);
  const memoryLimit = bytes(limits?.['memory']);
  return {
    cpuShares: sharesOf(milli(requests?.['cpu'] ?? limits?.['cpu'])),
    ...(cpuLimit > 0 && { cpuQuotaUs: quotaOf(cpuLimit), cpuPeriodUs: PERIOD_US }),
    ...(memoryLimit > 0 && { memoryLimitBytes: memoryLimit }),
    oomScoreAdj: oomScoreAdj(pod, container, memoryCapacityBytes),
  };
}

const CRITICAL_PRIORITY = 2_000_001_000;

/**
 * Guaranteed and node-critical pods are the last to be killed, BestEffort the first; in between, who asked for more lives longer. A sidecar
 * lives as long as the main containers, which need it.
 */
export function oomScoreAdj(pod: Pod, container: Container, memoryCapacityBytes: number): number {
  if ((pod.spec?.priority ?? 0) >= CRITICAL_PRIORITY) return -997;
  const qos = qosClass(pod);
  if (qos === 'Guaranteed') return -997;
  if (qos === 'BestEffort' || memoryCapacityBytes <= 0) return 1000;
  const own = scoreOf(pod, container, memoryCapacityBytes);
  const isBeside = pod.spec?.initContainers?.some(({ name }) => name === container.name) && isSidecar(container);
  if (!isBeside) return own;
  return Math.min(own, ...(pod.spec?.containers ?? []).map((main) => scoreOf(pod, main, memoryCapacityBytes)));
}

function scoreOf(pod: Pod, { resources }: Container, memoryCapacityBytes: number): number {
  const asked = bytes(resources?.requests?.['memory'] ?? resources?.limits?.['memory']) + sharedMemory(pod);
  return Math.min(999, Math.max(3, 1000 - Math.floor((1000 * asked) / memoryCapacityBytes)));
}

/** A container's part of what its pod asks for as a whole, beyond what its containers ask for themselves. */
function sharedMemory(pod: Pod): number {
  const ofPod = bytes(pod.spec?.resources?.requests?.['memory']);
  const containers = containersOf(pod);
  const own = containers.reduce((sum, { resources }) => sum + bytes(resources?.requests?.['memory']), 0);
  return ofPod > own ? Math.floor((ofPod - own) / containers.length) : 0;
}

function milli(amount: string | undefined): number {
  return amount === undefined ? 0 : Number(parseQuantity(amount).milliValue());
}

function bytes(amount: string | undefined): number {
  return amount === undefined ? 0 : Number(parseQuantity(amount).value());
}

/** Adds each amount of `other` to the same one of `sum`. */
export function addTo(sum: Map<string, Quantity>, other: ReadonlyMap<string, Quantity>): void {
  for (const [name, amount] of other) sum.set(name, (sum.get(name) ?? Quantity.ZERO).add(amount));
}
