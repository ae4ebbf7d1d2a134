import { parseQuantity } from '@keelson/api';
import type { Container, Pod, PodSpec } from '@keelson/api/core/v1';

/** Amounts by resource: CPU in thousandths, all else in units (bytes, pieces). */
export type Amounts = ReadonlyMap<string, number>;

const NONE: Amounts = new Map();
const parsed = new Map<string, number>();
const MAX_PARSED = 10_000;

/** One amount. Remembered, since the same few texts come again and again. */
function amountOf(resource: string, text: string): number {
  const key = resource === 'cpu' ? `m${text}` : text;
  const known = parsed.get(key);
  if (known !== undefined) return known;
  const quantity = parseQuantity(text);
  const amount = Number(resource === 'cpu' ? quantity.milliValue() : quantity.value());
  if (parsed.size >= MAX_PARSED) parsed.clear();
  parsed.set(key, amount);
  return amount;
}

export function amountsOf(list: Readonly<Record<string, string>> | undefined): Amounts {
  if (!list) return NONE;
  return new Map(Object.entries(list).map(([resource, text]) => [resource, amountOf(resource, text)]));
}

function plus(a: Amounts, b: Amounts): Map<string, number> {
  const sum = new Map(a);
  for (const [resource, amount] of b) sum.set(resource, (sum.get(resource) ?? 0) + amount);
  return sum;
}

function larger(a: Amounts, b: Amounts): Map<string, number> {
  const most = new Map(a);
  for (const [resource, amount] of b) most.set(resource, Math.max(most.get(resource) ?? 0, amount));
  return most;
}

/**
 * What a pod's containers take: the larger of all containers and sidecars together, and each init container beside the sidecars started
 * before it (KEP-753). `amounts` says what one container takes.
 */
function effective(spec: PodSpec, amounts: (container: Container) => Amounts): Amounts {
  let running: Amounts = NONE;
  for (const container of spec.containers) running = plus(running, amounts(container));
  let sidecars: Amounts = NONE;
  let starting: Amounts = NONE;
  for (const container of spec.initContainers ?? []) {
    const own = amounts(container);
    if (container.restartPolicy === 'Always') sidecars = plus(sidecars, own);
    starting = larger(starting, container.restartPolicy === 'Always' ? sidecars : plus(sidecars, own));
  }
  return larger(plus(running, sidecars), starting);
}

/** Remembers what is worked out of a pod's spec, which each node that is looked at asks for. */
function onceForEach(work: (spec: PodSpec) => Amounts): (pod: Pod) => Amounts {
  const known = new WeakMap<PodSpec, Amounts>();
  return ({ spec }) => {
    if (!spec) return NONE;
    let amounts = known.get(spec);
    if (!amounts) {
      amounts = work(spec);
      known.set(spec, amounts);
    }
    return amounts;
  };
}

/** What a pod asks for: its containers together, or what it asks for as a whole (KEP-2837), and its overhead on top. */
export const podRequests = onceForEach((spec) => {
  const podLevel = amountsOf(spec.resources?.requests);
  const containers = effective(spec, (container) => amountsOf(container.resources?.requests));
  return plus(new Map([...containers, ...podLevel]), amountsOf(spec.overhead));
});

const SMALL = new Map([
  ['cpu', 100],
  ['memory', 200 * 1024 * 1024],
]);

/** As `podRequests`, for scoring only: a container without a request counts as a small one. */
export const podRequestsForScoring = onceForEach((spec) => {
  const containers = effective(spec, (container) => new Map([...SMALL, ...amountsOf(container.resources?.requests)]));
  return plus(containers, amountsOf(spec.overhead));
});
