import type { Point, Reading } from './reading.ts';

/** What was used in the time between two readings. */
export interface Used {
  /** End of the window. */
  readonly atMs: number;
  readonly windowMs: number;
  readonly cpuNanoCores: number;
  readonly memoryBytes: number;
}

export interface ContainerUsed extends Used {
  readonly name: string;
}

interface Pair {
  readonly before: Point | undefined;
  readonly last: Point;
}

interface NodePairs {
  readonly node: Pair | undefined;
  readonly pods: ReadonlyMap<string, ReadonlyMap<string, Pair>>;
}

/** A container that is younger than a round, and older than this, is measured from its start: its users need not wait for another round. */
const LEAST_WINDOW_MS = 10_000;

/** The last two readings of each node: what rates are made of. */
export class MetricsStore {
  readonly #resolutionMs: number;
  readonly #nodes = new Map<string, NodePairs>();

  constructor(resolutionMs: number) {
    this.#resolutionMs = resolutionMs;
  }

  /** Takes a reading in. What the one before had and this one has not is forgotten. */
  put(node: string, reading: Reading): void {
    const known = this.#nodes.get(node);
    const pods = new Map(
      [...reading.pods].map(([key, points]) => {
        const before = known?.pods.get(key);
        return [key, new Map([...points].map(([name, point]) => [name, pairOf(before?.get(name), point)]))] as const;
      }),
    );
    this.#nodes.set(node, { node: reading.node && pairOf(known?.node, reading.node), pods });
  }

  drop(node: string): void {
    this.#nodes.delete(node);
  }

  /** `undefined` until there are two readings. */
  node(name: string): Used | undefined {
    const pair = this.#nodes.get(name)?.node;
    return pair && usedOf(pair.before, pair.last);
  }

  /** Of all containers of a pod (`namespace/name`), or `undefined` if one of them is not known well enough. */
  pod(node: string, key: string): readonly ContainerUsed[] | undefined {
    const pairs = this.#nodes.get(node)?.pods.get(key);
    if (!pairs || pairs.size === 0) return undefined;
    const found: ContainerUsed[] = [];
    for (const [name, { before, last }] of pairs) {
      const used = usedOf(before ?? this.#beginning(last), last);
      if (!used) return undefined;
      found.push({ name, ...used });
    }
    return found;
  }

  #beginning({ atMs, startedAtMs }: Point): Point | undefined {
    if (startedAtMs === undefined) return undefined;
    const ageMs = atMs - startedAtMs;
    if (ageMs < LEAST_WINDOW_MS || ageMs > this.#resolutionMs) return undefined;
    return { atMs: startedAtMs, cpuNanoSeconds: 0, memoryBytes: 0 };
  }
}

/** Counters that began anew have nothing before. */
function pairOf(known: Pair | undefined, point: Point): Pair {
  if (!known) return { before: undefined, last: point };
  const { before, last } = known;
  if (point.atMs === last.atMs) return { before, last: point };
  const isSame = point.atMs > last.atMs && point.cpuNanoSeconds >= last.cpuNanoSeconds && point.startedAtMs === last.startedAtMs;
  return { before: isSame ? last : undefined, last: point };
}

function usedOf(before: Point | undefined, last: Point): Used | undefined {
  if (!before) return undefined;
  const windowMs = last.atMs - before.atMs;
  const cpuNanoCores = Math.ceil((last.cpuNanoSeconds - before.cpuNanoSeconds) / (windowMs / 1000));
  return { atMs: last.atMs, windowMs, cpuNanoCores, memoryBytes: last.memoryBytes };
}
