import { stringifyJson } from '@keelson/api';
import type { CustomResourceDefinition, CustomResourceDefinitionNames } from '@keelson/api/apiextensions/v1';
import { isTrue } from '../kinds/definition/conditions.ts';
import type { ResourceDefinition } from '../registry/resource-definition.ts';
import type { StoredObject } from '../storage/stored-object.ts';
import type { CustomKind } from './custom-definitions.ts';

/** A definition that this server knows, and what it serves because of it. */
export class InstalledKind {
  readonly group: string;
  readonly accepted: CustomResourceDefinitionNames;
  item: StoredObject;
  /** Absent until it is established. */
  readonly kind: CustomKind | undefined;
  /** What the registry has of it. */
  served: readonly ResourceDefinition[] = [];
  /** Watches what is left of its objects, while it is being deleted. */
  cleanUp: Disposable | undefined;
  readonly #identity: string;
  #terminating: readonly ResourceDefinition[] | undefined;

  constructor(
    item: StoredObject,
    definition: Readonly<CustomResourceDefinition>,
    make: (reload: () => Readonly<CustomResourceDefinition>) => CustomKind,
  ) {
    this.item = item;
    this.group = definition.spec.group;
    this.accepted = definition.status?.acceptedNames ?? { plural: '', kind: '' };
    this.#identity = identityOf(definition);
    const isEstablished = isTrue(definition.status, 'Established');
    // The item holds the bytes anyway; the parsed form is let go of when nobody has it.
    this.kind = isEstablished ? make(() => this.item.object() as CustomResourceDefinition) : undefined;
  }

  /** Takes over a change that leaves the kind as it is. False if it makes another kind of it. */
  accepts(item: StoredObject, definition: Readonly<CustomResourceDefinition>): boolean {
    if (identityOf(definition) !== this.#identity) return false;
    this.item = item;
    return true;
  }

  /** What should be served, by the status of the definition. */
  definitions({ status }: Readonly<CustomResourceDefinition>): readonly ResourceDefinition[] {
    if (!this.kind) return [];
    if (!isTrue(status, 'Terminating')) return this.kind.served;
    this.#terminating ??= this.kind.served.map((definition) => ({ ...definition, terminating: true }));
    return this.#terminating;
  }
}

/** Changes with all that makes a kind: the generation counts changes of the spec. */
function identityOf({ metadata, status }: Readonly<CustomResourceDefinition>): string {
  const { uid, generation } = metadata ?? {};
  return `${uid} ${generation} ${isTrue(status, 'Established')} ${stringifyJson(status?.acceptedNames)}`;
}
