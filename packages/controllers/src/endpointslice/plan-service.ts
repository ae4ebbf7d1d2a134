import { deepEqual, isOwnedBy, type KubernetesObject } from '@keelson/api';
import type { Service } from '@keelson/api/core/v1';
import type { EndpointSlice } from '@keelson/api/discovery/v1';
import { hasClusterIp, HEADLESS_LABEL } from '../service-endpoints/service-pods.ts';
import { portsKey, type AddressType, type DesiredEndpoints } from './desired-endpoints.ts';
import { planSlices, type Draft, type Labels, type Plan, type PlanOptions } from './slice-plan.ts';

export const SERVICE_NAME_LABEL = 'kubernetes.io/service-name';
export const MANAGED_BY_LABEL = 'endpointslice.kubernetes.io/managed-by';
export const MANAGER = 'endpointslice-controller.k8s.io';

/** Those of the Service, and those that say whose the slice is. */
export function sliceLabels(service: Service): Labels {
  const { [HEADLESS_LABEL]: _headless, ...own } = service.metadata?.labels ?? {};
  return {
    ...own,
    ...(!hasClusterIp(service) && { [HEADLESS_LABEL]: '' }),
    [SERVICE_NAME_LABEL]: service.metadata?.name ?? '',
    [MANAGED_BY_LABEL]: MANAGER,
  };
}

/** What to do with the slices of one family that belong to `owner`, all ports together. */
export function planFamily(
  owner: KubernetesObject,
  known: readonly EndpointSlice[],
  { desired, addressType, options }: { desired: DesiredEndpoints; addressType: AddressType; options: PlanOptions },
): Plan {
  const [ours, foreign] = [known.filter((slice) => isOwnedBy(slice, owner)), known.filter((slice) => !isOwnedBy(slice, owner))];
  const plan: Plan = { writes: [], deletes: [...foreign], keeps: [] };
  const byPorts = Map.groupBy(ours, ({ ports }) => portsKey(ports));
  for (const [key, group] of desired) add(plan, planSlices(byPorts.get(key) ?? [], group, options));
  for (const [key, slices] of byPorts) if (!desired.has(key)) plan.deletes.push(...slices);
  if (options.keepsOne) keepOne(plan, ours, options);
  return reuse(plan, { owner, addressType });
}

function add(plan: Plan, more: Plan): void {
  plan.writes.push(...more.writes);
  plan.deletes.push(...more.deletes);
  plan.keeps.push(...more.keeps);
}

/** A Service without endpoints has one empty slice: it tells who watches that there is nothing to wait for. */
function keepOne(plan: Plan, ours: readonly EndpointSlice[], { labels }: PlanOptions): void {
  if (plan.writes.length + plan.keeps.length > 0) return;
  const [placeholder] = ours.filter(
    ({ endpoints = [], ports = [], metadata }) => isEmpty(endpoints) && isEmpty(ports) && deepEqual(metadata?.labels, labels),
  );
  if (!placeholder) plan.writes.push({ known: undefined, ports: [], endpoints: [] });
  else {
    plan.deletes.splice(plan.deletes.indexOf(placeholder), 1);
    plan.keeps.push(placeholder);
  }
}

/** Slices of Go programs may have `null` for an empty list. */
function isEmpty(list: readonly unknown[] | null): boolean {
  return list === null || list.length === 0;
}

/** Instead of deleting a slice and creating another, changes it. Only slices of this very owner: others are on their way out. */
function reuse(plan: Plan, { owner, addressType }: { owner: KubernetesObject; addressType: AddressType }): Plan {
  const isUsable = (slice: EndpointSlice): boolean => slice.addressType === addressType && isOwnedBy(slice, owner);
  const usable = plan.deletes.filter(isUsable);
  const writes = plan.writes.map((draft): Draft => (draft.known ? draft : { ...draft, known: usable.shift() }));
  const deletes = plan.deletes.filter((slice) => !isUsable(slice) || usable.includes(slice));
  return { writes, deletes, keeps: plan.keeps };
}
