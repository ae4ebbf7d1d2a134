import { canonicalQuantity, formatTime, type KubernetesObject } from '@keelson/api';
import type { Node, Pod } from '@keelson/api/core/v1';
import type { NodeMetrics, PodMetrics, Usage } from '@keelson/api/metrics/v1beta1';
import type { ContainerUsed, Used } from './metrics-store.ts';

export function nodeMetrics(node: Node, used: Used, nowMs: number): NodeMetrics {
  return { metadata: metadataOf(node, nowMs), ...windowOf(used), usage: usageOf(used) };
}

/** The window is that of the container which was looked at first. */
export function podMetrics(pod: Pod, containers: readonly ContainerUsed[], nowMs: number): PodMetrics {
  const [first, ...others] = containers;
  const oldest = others.reduce((found, each) => (each.atMs < (found?.atMs ?? 0) ? each : found), first);
  return {
    metadata: metadataOf(pod, nowMs),
    ...windowOf(oldest ?? { atMs: nowMs, windowMs: 0 }),
    containers: containers.map((each) => ({ name: each.name, usage: usageOf(each) })),
  };
}

function metadataOf({ metadata }: KubernetesObject, nowMs: number): KubernetesObject['metadata'] {
  const { name, namespace, labels } = metadata ?? {};
  return { name, ...(namespace !== undefined && { namespace }), creationTimestamp: formatTime(nowMs), labels };
}

function windowOf({ atMs, windowMs }: Pick<Used, 'atMs' | 'windowMs'>): { timestamp: string; window: string } {
  return { timestamp: formatTime(atMs), window: goDuration(windowMs) };
}

function usageOf({ cpuNanoCores, memoryBytes }: Used): Usage {
  const kibibytes = memoryBytes / 1024;
  const memory = Number.isInteger(kibibytes) ? canonicalQuantity(`${kibibytes}Ki`) : canonicalQuantity(memoryBytes);
  return { cpu: canonicalQuantity(`${cpuNanoCores}n`), memory };
}

/** As Go writes durations: `15.02s`, `1m0s`. */
function goDuration(ms: number): string {
  if (ms < 1000) return `${ms}ms`;
  const [minutes, seconds] = [Math.floor(ms / 60_000), (ms % 60_000) / 1000];
  return minutes === 0 ? `${seconds}s` : `${minutes}m${seconds}s`;
}
