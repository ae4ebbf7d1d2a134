import { parseQuantity, Quantity } from '@keelson/api';
import type { Container, Pod } from '@keelson/api/core/v1';
import type { ContainerResources } from '@keelson/runtime';

export type QosClass = 'Guaranteed' | 'Burstable' | 'BestEffort';

const QOS_CLASSES: readonly QosClass[] = ['Guaranteed', 'Burstable', 'BestEffort'];
const COMPUTE = ['cpu', 'memory'] as const;

/** The class of a pod, once and for all: what the API says, else what follows from the spec. */
export function qosClass(pod: Pod): QosClass {
  const set = QOS_CLASSES.find((name) => name === pod.status?.qosClass);
  if (set) return set;
  const spec = pod.spec ?? { containers: [] };
  const parts = spec.resources
    ? [spec.resources]
    : [...(spec.initContainers ?? []), ...spec.containers].map((each) => each.resources);
  const amounts = parts.flatMap((part) => COMPUTE.flatMap((name) => [part?.requests?.[name], part?.limits?.[name]]));
  if (!amounts.some((amount) => amount !== undefined && !parseQuantity(amount).isZero())) return 'BestEffort';
  const guaranteed = parts.every((part) => COMPUTE.every((name) => isPinned(part?.requests?.[name], part?.limits?.[name])));
  return guaranteed ? 'Guaranteed' : 'Burstable';
}

function isPinned(request: string | undefined, limit: string | undefined): boolean {
  if (limit === undefined || parseQuantity(limit).isZero()) return false;
  return request === undefined || parseQuantity(request).cmp(parseQuantity(limit)) === 0;
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

/** The cgroup figures of a container. `memoryCapacityBytes` is the node's. */
export function containerResources(pod: Pod, container: Container, memoryCapacityBytes: number): ContainerResources {
  const { requests, limits } = container.resources ?? {};
  const cpuRequest = milli(requests?.['cpu'] ?? limits?.['cpu']);
  const cpuLimit = milli(limits?.['cpu']);
  const memoryLimit = bytes(limits?.['memory']);
  const memoryRequest = bytes(requests?.['memory'] ?? limits?.['memory']);
  return {
    cpuShares: Math.min(MAX_SHARES, Math.max(MIN_SHARES, Math.floor((cpuRequest * SHARES_PER_CPU) / 1000))),
    ...(cpuLimit > 0 && { cpuQuotaUs: Math.max(MIN_QUOTA_US, (cpuLimit * PERIOD_US) / 1000), cpuPeriodUs: PERIOD_US }),
    ...(memoryLimit > 0 && { memoryLimitBytes: memoryLimit }),
    oomScoreAdj: oomScoreAdj(pod, memoryRequest, memoryCapacityBytes),
  };
}

const CRITICAL_PRIORITY = 2_000_000_000;

/** Guaranteed and node-critical pods are the last to be killed, BestEffort the first; in between, who asked for more lives longer. */
function oomScoreAdj(pod: Pod, memoryRequestBytes: number, memoryCapacityBytes: number): number {
  if ((pod.spec?.priority ?? 0) >= CRITICAL_PRIORITY) return -997;
  const qos = qosClass(pod);
  if (qos === 'Guaranteed') return -997;
  if (qos === 'BestEffort' || memoryCapacityBytes <= 0) return 1000;
  const score = 1000 - Math.floor((1000 * memoryRequestBytes) / memoryCapacityBytes);
  return Math.min(999, Math.max(3, score));
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
