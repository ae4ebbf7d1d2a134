import { humanDuration, type KubernetesObject } from '@keelson/api';

/**
 * What a Table shows of one object in one column. A column belongs to one kind, so a function may name that kind's type as its
 * parameter; that is why this is the type of a method.
 */
export type Cell = { cell(object: Readonly<KubernetesObject>, nowMs: number): unknown }['cell'];

export const NONE = '<none>';
export const UNSET = '<unset>';
export const UNKNOWN = '<unknown>';

/** `5m`, and `<unknown>` for no time. */
export function ageOf(time: string | undefined | null, nowMs: number): string {
  const thenMs = timeOf(time);
  return thenMs === undefined ? UNKNOWN : humanDuration(nowMs - thenMs);
}

/** Milliseconds since the epoch. Times of stored objects were checked when they came in, so this need not, and is much quicker. */
export function timeOf(time: string | undefined | null): number | undefined {
  const epochMs = time ? Date.parse(time) : Number.NaN;
  return Number.isNaN(epochMs) ? undefined : epochMs;
}

/** The first `max` of the texts joined by commas, and how many more there are. */
export function limitedList(texts: readonly string[], max: number, separator = ','): string {
  const shown = texts.slice(0, max).join(separator);
  return texts.length > max ? `${shown} + ${texts.length - max} more...` : shown;
}

/** `a=1,b=2` in order of the keys, `<none>` if there are none. */
export function labelsText(labels: Readonly<Record<string, unknown>> | undefined): string {
  const pairs = Object.entries(labels ?? {}).map(([key, value]) => `${key}=${value}`);
  return pairs.length === 0 ? NONE : pairs.sort().join(',');
}

interface TypedCondition {
  readonly type?: string | undefined;
  readonly status?: string | undefined;
}

export function isConditionTrue(conditions: readonly TypedCondition[] | undefined, type: string): boolean {
  return conditions?.some((condition) => condition.type === type && condition.status === 'True') ?? false;
}
