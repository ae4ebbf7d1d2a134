import { parseQuantity, type Quantity, type ResourceAmounts } from '@keelson/api';
import type { LimitRangeItem } from '@keelson/api/core/v1';

/** What is asked for, and at most. */
export interface Demand {
  readonly requests: ResourceAmounts;
  readonly limits: ResourceAmounts;
}

/** What is wrong with a demand by a limit of its type. */
export function limitProblems(item: LimitRangeItem, demand: Demand): readonly string[] {
  return [
    ...sorted(item.min).map(([name, least]) =>
      belowMin(`minimum ${name} usage per ${item.type} is ${least}`, { name, least }, demand),
    ),
    ...sorted(item.max).map(([name, most]) =>
      aboveMax(`maximum ${name} usage per ${item.type} is ${most}`, { name, most }, demand),
    ),
    ...sorted(item.maxLimitRequestRatio).map(([name, most]) =>
      aboveRatio(`${name} max limit to request ratio per ${item.type} is ${most}`, { name, most }, demand),
    ),
  ].filter((problem) => problem !== undefined);
}

/** The same for what has no limits, such as a claim. */
export function requestProblems(item: LimitRangeItem, requests: ResourceAmounts): readonly string[] {
  const limits: ResourceAmounts = new Map();
  return [
    ...sorted(item.min).map(([name, least]) =>
      belowMin(`minimum ${name} usage per ${item.type} is ${least}`, { name, least }, { requests, limits }),
    ),
    ...sorted(item.max).map(([name, most]) => {
      const what = `maximum ${name} usage per ${item.type} is ${most}`;
      const request = requests.get(name);
      if (!request) return `${what}.  No request is specified`;
      return request.cmp(most) > 0 ? `${what}, but request is ${request}` : undefined;
    }),
  ].filter((problem) => problem !== undefined);
}

function belowMin(
  what: string,
  { name, least }: { readonly name: string; readonly least: Quantity },
  { requests, limits }: Demand,
): string | undefined {
  const [request, limit] = [requests.get(name), limits.get(name)];
  if (!request) return `${what}.  No request is specified`;
  if (request.cmp(least) < 0) return `${what}, but request is ${request}`;
  return limit && limit.cmp(least) < 0 ? `${what}, but limit is ${limit}` : undefined;
}

function aboveMax(
  what: string,
  { name, most }: { readonly name: string; readonly most: Quantity },
  { requests, limits }: Demand,
): string | undefined {
  const [request, limit] = [requests.get(name), limits.get(name)];
  if (!limit) return `${what}.  No limit is specified`;
  if (limit.cmp(most) > 0) return `${what}, but limit is ${limit}`;
  return request && request.cmp(most) > 0 ? `${what}, but request is ${request}` : undefined;
}

function aboveRatio(
  what: string,
  { name, most }: { readonly name: string; readonly most: Quantity },
  { requests, limits }: Demand,
): string | undefined {
  const [request, limit] = [requests.get(name), limits.get(name)];
  if (!request || request.isZero()) return `${what}, but no request is specified or request is 0`;
  if (!limit || limit.isZero()) return `${what}, but no limit is specified or limit is 0`;
  const ratio = limit.toNumber() / request.toNumber();
  return ratio > most.toNumber() ? `${what}, but provided ratio is ${ratio.toFixed(6)}` : undefined;
}

function sorted(amounts: Readonly<Record<string, string>> | undefined): readonly (readonly [string, Quantity])[] {
  return Object.entries(amounts ?? {})
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, text]) => [name, parseQuantity(text)]);
}
