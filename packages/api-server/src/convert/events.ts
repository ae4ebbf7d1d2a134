import type { KubernetesObject } from '@keelson/api';

/** Fields of `events.k8s.io/v1` and what the core group calls them. */
const NAMES: readonly (readonly [events: string, core: string])[] = [
  ['regarding', 'involvedObject'],
  ['note', 'message'],
  ['deprecatedSource', 'source'],
  ['deprecatedFirstTimestamp', 'firstTimestamp'],
  ['deprecatedLastTimestamp', 'lastTimestamp'],
  ['deprecatedCount', 'count'],
  ['reportingController', 'reportingComponent'],
];

const TO_CORE = new Map(NAMES);
const FROM_CORE = new Map(NAMES.map(([events, core]) => [core, events]));

/** An event of `events.k8s.io/v1` as the core group has it. */
export function eventToCore(object: KubernetesObject): KubernetesObject {
  return { ...renamed(object, TO_CORE), kind: 'Event', apiVersion: 'v1' };
}

/** An event of the core group as `events.k8s.io/v1` has it. */
export function eventFromCore(object: Readonly<KubernetesObject>): KubernetesObject {
  return { ...renamed(object, FROM_CORE), kind: 'Event', apiVersion: 'events.k8s.io/v1' };
}

function renamed(object: Readonly<KubernetesObject>, names: ReadonlyMap<string, string>): KubernetesObject {
  const result: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(object)) result[names.get(key) ?? key] = value;
  return result;
}
