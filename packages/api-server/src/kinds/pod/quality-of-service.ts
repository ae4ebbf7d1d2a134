import type { PodSpec, ResourceRequirements } from '@keelson/api/core/v1';
import { quantityOf } from '../../validation/quantities.ts';

export type QosClass = 'Guaranteed' | 'Burstable' | 'BestEffort';

/** CPU and memory decide: nothing asked for is BestEffort; limits that are also the requests everywhere are Guaranteed. */
export function qosClassOf(spec: PodSpec): QosClass {
  const all = isAsking(spec.resources)
    ? [spec.resources]
    : [...(spec.initContainers ?? []), ...(spec.containers ?? [])].map((item) => item.resources);
  if (!all.some(isAsking)) return 'BestEffort';
  return all.every(isFixed) ? 'Guaranteed' : 'Burstable';
}

const COUNTED = ['cpu', 'memory'];

function isPositive(text: string | undefined): boolean {
  return text !== undefined && quantityOf(text).sign() > 0;
}

function isAsking(resources: ResourceRequirements | undefined): boolean {
  return COUNTED.some((name) => isPositive(resources?.requests?.[name]) || isPositive(resources?.limits?.[name]));
}

function isFixed(resources: ResourceRequirements | undefined): boolean {
  return COUNTED.every((name) => {
    const limit = resources?.limits?.[name];
    const request = resources?.requests?.[name] ?? limit;
    return limit !== undefined && request !== undefined && isPositive(limit) && quantityOf(limit).cmp(quantityOf(request)) === 0;
  });
}
