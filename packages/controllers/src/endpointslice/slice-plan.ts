import { deepEqual } from '@keelson/api';
import type { Endpoint, EndpointSlice } from '@keelson/api/discovery/v1';
import { TRIGGER_TIME_ANNOTATION } from '../service-endpoints/service-pods.ts';
import { endpointKey, type PortGroup } from './desired-endpoints.ts';

export type Labels = Readonly<Record<string, string>>;

/** A slice to write: a known one with other endpoints, or a new one. */
export interface Draft {
  readonly known: EndpointSlice | undefined;
  readonly ports: PortGroup['ports'];
  readonly endpoints: Endpoint[];
}

export interface Plan {
  readonly writes: Draft[];
  readonly deletes: EndpointSlice[];
  readonly keeps: EndpointSlice[];
}

/**
 * What to do so that some slices hold exactly the endpoints of `group`, with as few writes as possible: slices are packed, not shuffled.
 *
 * First each known slice drops what is no longer wanted and refreshes what has changed; an empty one goes. What is missing fills the slices
 * that are written anyway, the fullest first. The rest goes into the fullest unchanged slice that has room for all of it, or else into new ones.
 *
 * Example, three endpoints a slice: {a, b} and {c, d, e} shall become a, c, d, e, f, g. {a} is written anyway, and gets f and g:
 * one write. If b stayed, f would fill {a, b}; f and g together have no room there, and are a new slice.
 */
export function planSlices(known: readonly EndpointSlice[], group: PortGroup, options: PlanOptions): Plan {
  const missing = new Map(group.endpoints);
  const plan: Plan = { writes: [], deletes: [], keeps: [] };
  for (const slice of known) sortOut(slice, { group, missing, options }, plan);
  fillWritten(plan.writes, missing, options.maxEndpoints);
  while (missing.size > 0) fillNext(plan, { group, missing }, options.maxEndpoints);
  return plan;
}

export interface PlanOptions {
  /** What each slice must have. */
  readonly labels: Labels;
  /** What else each slice must have, beside a time. Anything, if absent. */
  readonly annotations?: Labels;
  readonly maxEndpoints: number;
  /** Without any endpoints there is an empty slice. */
  readonly keepsOne: boolean;
}

interface Wanted {
  readonly group: PortGroup;
  /** What no slice holds yet. */
  readonly missing: Map<string, Endpoint>;
}

function sortOut(
  slice: EndpointSlice,
  { group, missing, options }: Wanted & { readonly options: PlanOptions },
  plan: Plan,
): void {
  const endpoints: Endpoint[] = [];
  let hasChanged = !hasMetadata(slice, options);
  for (const endpoint of slice.endpoints ?? []) {
    const key = endpointKey(endpoint);
    const wanted = missing.get(key);
    // Not wanted, or already in another slice.
    if (!wanted || !missing.delete(key)) hasChanged = true;
    else {
      const isSame = deepEqual(endpoint, wanted);
      endpoints.push(isSame ? endpoint : wanted);
      hasChanged ||= !isSame;
    }
  }
  if (endpoints.length === 0) plan.deletes.push(slice);
  else if (hasChanged) plan.writes.push({ known: slice, ports: group.ports, endpoints });
  else plan.keeps.push(slice);
}

function hasMetadata({ metadata }: EndpointSlice, { labels, annotations }: PlanOptions): boolean {
  if (!deepEqual(metadata?.labels, labels)) return false;
  const { [TRIGGER_TIME_ANNOTATION]: _time, ...others } = metadata?.annotations ?? {};
  return annotations === undefined || deepEqual(others, annotations);
}

function fillWritten(writes: readonly Draft[], missing: Map<string, Endpoint>, maxEndpoints: number): void {
  for (const { endpoints } of writes.toSorted((a, b) => b.endpoints.length - a.endpoints.length)) {
    fill(endpoints, missing, maxEndpoints);
  }
}

function fillNext(plan: Plan, { group, missing }: Wanted, maxEndpoints: number): void {
  const known = missing.size < maxEndpoints ? fullestWithRoom(plan.keeps, maxEndpoints - missing.size) : undefined;
  if (known) plan.keeps.splice(plan.keeps.indexOf(known), 1);
  const endpoints = [...(known?.endpoints ?? [])];
  fill(endpoints, missing, maxEndpoints);
  plan.writes.push({ known, ports: group.ports, endpoints });
}

function fullestWithRoom(slices: readonly EndpointSlice[], maxSize: number): EndpointSlice | undefined {
  const size = (slice: EndpointSlice | undefined): number => slice?.endpoints?.length ?? 0;
  let best: EndpointSlice | undefined;
  for (const slice of slices) if (size(slice) <= maxSize && (!best || size(slice) > size(best))) best = slice;
  return best;
}

function fill(endpoints: Endpoint[], missing: Map<string, Endpoint>, maxEndpoints: number): void {
  for (const [key, endpoint] of missing) {
    if (endpoints.length >= maxEndpoints) return;
    endpoints.push(endpoint);
    missing.delete(key);
  }
}
