import { Subject, type Observable } from 'rxjs';
import type { ResourceDefinition } from './resource-definition.ts';

/** A change of what is served. */
export interface RegistryChange {
  readonly type: 'added' | 'removed';
  readonly definition: ResourceDefinition;
}

/** The kinds that are served now. They can come and go while the server runs. */
export class Registry {
  readonly #byResource = new Map<string, ResourceDefinition>();
  readonly #byKind = new Map<string, ResourceDefinition>();
  readonly #changes = new Subject<readonly RegistryChange[]>();
  #generation = 0;

  constructor(definitions: Iterable<ResourceDefinition> = []) {
    for (const definition of definitions) this.#put(definition);
  }

  /** Tells of changes after the fact; never errors, and completes never. */
  get changes$(): Observable<readonly RegistryChange[]> {
    return this.#changes.asObservable();
  }

  /** Grows with each change. */
  get generation(): number {
    return this.#generation;
  }

  all(): readonly ResourceDefinition[] {
    return [...this.#byResource.values()];
  }

  find(group: string, version: string, resource: string): ResourceDefinition | undefined {
    return this.#byResource.get(`${group}/${version}/${resource}`);
  }

  findKind(group: string, version: string, kind: string): ResourceDefinition | undefined {
    return this.#byKind.get(`${group}/${version}/${kind}`);
  }

  /** Takes kinds out and puts others in, as one change. */
  replace(removed: readonly ResourceDefinition[], added: readonly ResourceDefinition[]): void {
    if (removed.length === 0 && added.length === 0) return;
    for (const { group, version, resource, kind } of removed) {
      this.#byResource.delete(`${group}/${version}/${resource}`);
      this.#byKind.delete(`${group}/${version}/${kind}`);
    }
    for (const definition of added) this.#put(definition);
    this.#changed([
      ...removed.map((definition) => ({ type: 'removed', definition }) as const),
      ...added.map((definition) => ({ type: 'added', definition }) as const),
    ]);
  }

  #put(definition: ResourceDefinition): void {
    const { group, version, resource, kind } = definition;
    this.#byResource.set(`${group}/${version}/${resource}`, definition);
    this.#byKind.set(`${group}/${version}/${kind}`, definition);
  }

  #changed(changes: readonly RegistryChange[]): void {
    this.#generation += 1;
    this.#changes.next(changes);
  }
}
