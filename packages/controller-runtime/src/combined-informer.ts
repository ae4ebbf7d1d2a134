import type { Kind, KubernetesObject } from '@keelson/api';
import { combineLatest, map, merge, type Observable } from 'rxjs';
import type { Delta, IndexFunction, Informer, InformerSelection, ReflectorState } from './informer.ts';

const WORST_FIRST = ['retrying', 'listing', 'watching'] as const;

/**
 * The objects of several namespaces as one cache: an informer for each of them, since the API knows either one namespace or all. So an operator
 * needs no rights beyond its namespaces.
 */
export class CombinedInformer<T extends KubernetesObject> implements Informer<T> {
  readonly name: string;
  readonly kind: Kind<T>;
  readonly selection: InformerSelection;
  /** What is newest differs from namespace to namespace. */
  readonly resourceVersion = undefined;
  readonly #parts: ReadonlyMap<string, Informer<T>>;

  /** `parts`: at least one, each by its namespace. `selection`: what all of them select beside that. */
  constructor(kind: Kind<T>, parts: ReadonlyMap<string, Informer<T>>, selection: InformerSelection) {
    this.name = `informer of ${kind.resource} in ${[...parts.keys()].join(', ')}`;
    this.kind = kind;
    this.#parts = parts;
    this.selection = selection;
  }

  get synced(): boolean {
    return this.#all.every(({ synced }) => synced);
  }

  get size(): number {
    return this.#all.reduce((sum, { size }) => sum + size, 0);
  }

  get deltas$(): Observable<readonly Delta<T>[]> {
    return merge(...this.#all.map(({ deltas$ }) => deltas$));
  }

  /** That of the part that is worst off. */
  get state$(): Observable<ReflectorState> {
    const rank = ({ phase }: ReflectorState): number => WORST_FIRST.indexOf(phase);
    return combineLatest(this.#all.map(({ state$ }) => state$)).pipe(
      map((states) => states.reduce((worst, state) => (rank(state) < rank(worst) ? state : worst))),
    );
  }

  async whenSynced(signal?: AbortSignal): Promise<void> {
    await Promise.all(this.#all.map((part) => part.whenSynced(signal)));
  }

  addIndexer(name: string, index: IndexFunction<T>): void {
    for (const part of this.#all) part.addIndexer(name, index);
  }

  get(name: string, namespace = ''): T | undefined {
    return this.#parts.get(namespace)?.get(name, namespace);
  }

  getByKey(key: string): T | undefined {
    return this.#parts.get(key.slice(0, Math.max(0, key.indexOf('/'))))?.getByKey(key);
  }

  list(namespace?: string): readonly T[] {
    return namespace === undefined
      ? this.#all.flatMap((part) => part.list())
      : (this.#parts.get(namespace)?.list(namespace) ?? []);
  }

  byIndex(index: string, value: string): readonly T[] {
    return this.#all.flatMap((part) => part.byIndex(index, value));
  }

  async until(check: () => boolean, signal: AbortSignal): Promise<void> {
    const done = new AbortController();
    const either = AbortSignal.any([signal, done.signal]);
    const waits = this.#all.map((part) => part.until(check, either));
    try {
      await Promise.race(waits);
    } finally {
      done.abort(new Error('another namespace was first'));
      await Promise.allSettled(waits);
    }
  }

  async start(signal: AbortSignal): Promise<void> {
    await Promise.all(this.#all.map((part) => part.start(signal)));
  }

  async stop(): Promise<void> {
    await Promise.all(this.#all.map((part) => part.stop()));
  }

  get #all(): readonly Informer<T>[] {
    return [...this.#parts.values()];
  }
}
