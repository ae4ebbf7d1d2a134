import type { Node } from '@keelson/api/core/v1';
import type { NodeLifecycleOptions } from './node-options.ts';

export type ZoneState = 'Normal' | 'PartialDisruption' | 'FullDisruption';

type Limits = Required<
  Pick<NodeLifecycleOptions, 'unhealthyZoneThreshold' | 'evictionRate' | 'secondaryEvictionRate' | 'largeZoneSize'>
>;

/** Of nodes without labels, one zone for all. */
export function zoneOf({ metadata }: Node): string {
  const { labels = {} } = metadata ?? {};
  return `${labels['topology.kubernetes.io/region'] ?? ''}/${labels['topology.kubernetes.io/zone'] ?? ''}`;
}

/** How many nodes of a zone are ready, and how many are not. */
export interface ZoneCount {
  ready: number;
  notReady: number;
}

/** One or two nodes that are down are never a disruption of the zone, unless they are all. */
export function zoneState({ ready, notReady }: ZoneCount, { unhealthyZoneThreshold }: Limits): ZoneState {
  if (ready === 0 && notReady > 0) return 'FullDisruption';
  const isPartial = notReady > 2 && notReady / (ready + notReady) >= unhealthyZoneThreshold;
  return isPartial ? 'PartialDisruption' : 'Normal';
}

/**
 * How many nodes of a zone may be tainted a second. Of a zone that is wholly down as many as of a healthy one: others can take its pods.
 * (If all zones are down it is more likely us who see nothing, and nothing is done at all; that is not decided here.)
 */
export function evictionRate(state: ZoneState, size: number, limits: Limits): number {
  if (state !== 'PartialDisruption') return limits.evictionRate;
  return size > limits.largeZoneSize ? limits.secondaryEvictionRate : 0;
}
