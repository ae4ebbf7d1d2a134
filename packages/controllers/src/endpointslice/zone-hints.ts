import { parseQuantity } from '@keelson/api';
import type { Node, Service } from '@keelson/api/core/v1';
import type { Endpoint } from '@keelson/api/discovery/v1';
import { ZONE_LABEL, type DesiredEndpoints } from './desired-endpoints.ts';

const MODE_ANNOTATIONS = ['service.kubernetes.io/topology-aware-hints', 'service.kubernetes.io/topology-mode'];
/** Their nodes run no pods of users, as a rule. */
const CONTROL_PLANE_LABELS = ['node-role.kubernetes.io/control-plane', 'node-role.kubernetes.io/master'];
/** By how much more than its share an endpoint may get at most. */
const OVERLOAD = 0.2;

/** What has come of it: endpoints with hints, or without any and why. */
export type ZoneHints =
  | { readonly desired: DesiredEndpoints; readonly isHinted: true }
  | { readonly desired: DesiredEndpoints; readonly isHinted: false; readonly reason: string };

/** Whether a Service asks for endpoints to be shared out among zones. */
export function wantsZoneHints({ metadata }: Service): boolean {
  return MODE_ANNOTATIONS.some((name) => ['Auto', 'auto'].includes(metadata?.annotations?.[name] ?? ''));
}

/**
 * Shares endpoints out among zones by the CPUs that these have, so that traffic can stay in a zone and no endpoint gets more than 20% too much. Each is for
 * its own zone, but for those that zones with too many of them give to zones with too few. Takes back all hints where that cannot be done.
 */
export function withZoneHints(desired: DesiredEndpoints, nodes: readonly Node[]): ZoneHints {
  const all = [...desired.values()].flatMap(({ endpoints }) => [...endpoints.values()]);
  const ready = all.filter(({ conditions }) => conditions?.ready !== false);
  const shares = sharesOf(nodes, ready.length);
  if (typeof shares === 'string') return { desired, isHinted: false, reason: shares };
  if (ready.some(({ zone }) => !zone)) {
    return { desired, isHinted: false, reason: 'One or more endpoints do not have a zone specified' };
  }
  const zones = zonesOf(ready, shares);
  const hinted = [...desired].map(([key, { ports, endpoints }]) => {
    const withHints = [...endpoints].map(([id, endpoint]): [string, Endpoint] => {
      const zone = zones.get(endpoint);
      return [id, zone === undefined ? endpoint : { ...endpoint, hints: { forZones: [{ name: zone }] } }];
    });
    return [key, { ports, endpoints: new Map(withHints) }] as const;
  });
  return { desired: new Map(hinted), isHinted: true };
}

/** How many endpoints each zone should have, or why that cannot be said. */
function sharesOf(nodes: readonly Node[], endpoints: number): ReadonlyMap<string, number> | string {
  const cpus = new Map<string, number>();
  for (const node of nodes) {
    const found = cpusOf(node);
    if (found === undefined) continue;
    const { zone, cpu } = found;
    if (zone === '' || cpu === 0)
      return 'Insufficient Node information: allocatable CPU or zone not specified on one or more nodes';
    cpus.set(zone, (cpus.get(zone) ?? 0) + cpu);
  }
  if (cpus.size < 2) return 'Nodes only ready in one zone';
  if (cpus.size > endpoints)
    return `Insufficient number of endpoints (${endpoints}), impossible to safely allocate proportionally`;
  const total = cpus.values().reduce((sum, cpu) => sum + cpu, 0);
  const shares = new Map([...cpus].map(([zone, cpu]) => [zone, (cpu / total) * endpoints]));
  const least = shares.values().reduce((sum, share) => sum + leastOf(share), 0);
  if (least > endpoints) return 'Unable to allocate minimum required endpoints to each zone without exceeding overload threshold';
  return new Map([...shares].map(([zone, share]) => [zone, Math.max(share, leastOf(share))]));
}

/** What a node adds to a zone; undefined if it runs no pods of users. */
export function cpusOf({ metadata, status }: Node): { readonly zone: string; readonly cpu: number } | undefined {
  const isReady = status?.conditions?.some(({ type, status: said }) => type === 'Ready' && said === 'True') === true;
  if (!isReady || CONTROL_PLANE_LABELS.some((label) => metadata?.labels?.[label] !== undefined)) return undefined;
  const cpu = parseQuantity(status?.allocatable?.['cpu'] ?? '0').toNumber();
  return { zone: metadata?.labels?.[ZONE_LABEL] ?? '', cpu };
}

/** So few are enough for a share. */
function leastOf(share: number): number {
  return Math.ceil(share / (1 + OVERLOAD));
}

/** For which zone each endpoint is. */
function zonesOf(ready: readonly Endpoint[], shares: ReadonlyMap<string, number>): ReadonlyMap<Endpoint, string> {
  const byZone = Map.groupBy(ready, ({ zone }) => zone ?? '');
  const zones = new Map(ready.map((endpoint) => [endpoint, endpoint.zone ?? '']));
  const surplus = new Map<string, number>();
  for (const zone of new Set([...shares.keys(), ...byZone.keys()]))
    surplus.set(zone, (byZone.get(zone)?.length ?? 0) - (shares.get(zone) ?? 0));
  for (;;) {
    const [giving, receiving] = [most(surplus, 1), most(surplus, -1)];
    if (surplusOf(surplus, giving) < 1 && surplusOf(surplus, receiving) > -1) return zones;
    const given = byZone.get(giving)?.pop();
    if (given === undefined || surplusOf(surplus, giving) <= 0 || surplusOf(surplus, receiving) >= 0) return zones;
    zones.set(given, receiving);
    surplus.set(giving, surplusOf(surplus, giving) - 1);
    surplus.set(receiving, surplusOf(surplus, receiving) + 1);
  }
}

function surplusOf(surplus: ReadonlyMap<string, number>, zone: string): number {
  return surplus.get(zone) ?? 0;
}

/** The zone with the most (1), or the least (-1); the first by name of several. */
function most(surplus: ReadonlyMap<string, number>, sign: 1 | -1): string {
  const [first] = [...surplus].toSorted(([a, x], [b, y]) => sign * (y - x) || (a < b ? -1 : 1));
  return first?.[0] ?? '';
}
