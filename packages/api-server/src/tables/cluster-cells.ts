import type { KubernetesObject } from '@keelson/api';
import type { APIService } from '@keelson/api/apiregistration/v1';
import type { ComponentCondition, ComponentStatus, Event, Node, ResourceQuota } from '@keelson/api/core/v1';
import { ageOf, NONE, UNSET, limitedList, type Cell } from './cell.ts';

const ROLE_PREFIX = 'node-role.kubernetes.io/';

function nodeStatus({ spec, status }: Node): string {
  const ready = status?.conditions?.find(({ type }) => type === 'Ready');
  const text = !ready ? 'Unknown' : ready.status === 'True' ? 'Ready' : 'NotReady';
  return spec?.unschedulable ? `${text},SchedulingDisabled` : text;
}

function nodeRoles({ metadata }: Node): string {
  const roles = Object.entries(metadata?.labels ?? {}).flatMap(([key, value]) => {
    if (key.startsWith(ROLE_PREFIX)) return [key.slice(ROLE_PREFIX.length)];
    return key === 'kubernetes.io/role' ? [value] : [];
  });
  return [...new Set(roles.filter((role) => role !== ''))].sort().join(',') || NONE;
}

export function nodeAddress(type: string): Cell {
  return ({ status }: Node) => status?.addresses?.find((address) => address.type === type)?.address ?? NONE;
}

/** Both forms of an event: of the core group and of events.k8s.io, whose fields for the same have other names. */
interface AnyEvent extends Omit<Event, 'involvedObject' | 'kind'> {
  readonly involvedObject?: Event['involvedObject'];
  readonly regarding?: Event['involvedObject'];
  readonly deprecatedSource?: Event['source'];
  readonly deprecatedFirstTimestamp?: string;
  readonly deprecatedLastTimestamp?: string;
  readonly deprecatedCount?: number;
}

function firstTime(event: AnyEvent): string | undefined {
  return event.firstTimestamp ?? event.deprecatedFirstTimestamp ?? undefined;
}

function eventLastSeen(event: AnyEvent, nowMs: number): string {
  if (event.series) return ageOf(event.series.lastObservedTime, nowMs);
  const last = event.lastTimestamp ?? event.deprecatedLastTimestamp;
  return last ? ageOf(last, nowMs) : eventFirstSeen(event, nowMs);
}

function eventFirstSeen(event: AnyEvent, nowMs: number): string {
  return ageOf(firstTime(event) ?? event.eventTime, nowMs);
}

function eventCount(event: AnyEvent): number {
  if (event.series) return (event.series.count ?? 0) + 1;
  return (event.count ?? event.deprecatedCount) || 1;
}

function eventObject(event: AnyEvent): string {
  const { kind = '', name } = event.involvedObject ?? event.regarding ?? {};
  return name ? `${kind.toLowerCase()}/${name}` : kind.toLowerCase();
}

function eventSource(event: AnyEvent & { readonly reportingController?: string }): string {
  const source = event.source ?? event.deprecatedSource;
  const component = source?.component || event.reportingComponent || event.reportingController || '';
  const instance = source?.host || event.reportingInstance;
  return instance ? `${component}, ${instance}` : component;
}

function healthy({ conditions }: ComponentStatus): ComponentCondition | undefined {
  return conditions?.find(({ type }) => type === 'Healthy');
}

function componentStatus(component: ComponentStatus): string {
  const condition = healthy(component);
  if (!condition) return 'Unknown';
  return condition.status === 'True' ? 'Healthy' : 'Unhealthy';
}

function quota(isLimit: boolean): Cell {
  return ({ status }: ResourceQuota) =>
    Object.keys(status?.hard ?? {})
      .filter((resource) => resource.startsWith('limits.') === isLimit)
      .sort()
      .map((resource) => `${resource}: ${status?.used?.[resource] ?? '0'}/${status?.hard?.[resource]}`)
      .join(', ');
}

function apiServiceRef({ spec }: APIService): string {
  return spec?.service ? `${spec.service.namespace ?? ''}/${spec.service.name ?? ''}` : 'Local';
}

function apiServiceAvailable({ status }: APIService): string {
  const condition = status?.conditions?.find(({ type }) => type === 'Available');
  if (!condition) return 'Unknown';
  return condition.status === 'True' ? 'True' : `${condition.status} (${condition.reason ?? ''})`;
}

interface StorageVersions extends KubernetesObject {
  readonly status?: {
    readonly storageVersions?: readonly { readonly apiServerID?: string; readonly encodingVersion?: string }[];
  };
}

function storageVersions({ status }: StorageVersions): string {
  const texts = (status?.storageVersions ?? []).map(({ apiServerID, encodingVersion }) => `${apiServerID}=${encodingVersion}`);
  return limitedList(texts, 3) || UNSET;
}

export const CLUSTER_CELLS: Readonly<Record<string, Cell>> = {
  nodeStatus,
  nodeRoles,
  eventLastSeen,
  eventFirstSeen,
  eventCount,
  eventObject,
  eventSource,
  componentStatus,
  componentMessage: (component: ComponentStatus) => healthy(component)?.message ?? '',
  componentError: (component: ComponentStatus) => healthy(component)?.error ?? '',
  quotaRequests: quota(false),
  quotaLimits: quota(true),
  apiServiceRef,
  apiServiceAvailable,
  storageVersions,
};
