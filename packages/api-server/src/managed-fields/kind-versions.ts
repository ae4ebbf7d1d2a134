import { apiVersionOf, type KubernetesObject } from '@keelson/api';
import type { FieldSet, ValueSchema, VersionedSchemas } from '@keelson/api/structured-merge';
import { converterOf } from '../convert/versions.ts';
import type { Registry } from '../registry/registry.ts';
import type { ResourceDefinition } from '../registry/resource-definition.ts';
import type { OwnableFields } from './ownable-fields.ts';

/** The versions in which a kind is served now, as the merge engine asks for them. */
export class KindVersions implements VersionedSchemas {
  readonly apiVersion: string;
  readonly #registry: Registry;
  readonly #definition: ResourceDefinition;
  readonly #ownable: OwnableFields;

  constructor(registry: Registry, definition: ResourceDefinition, ownable: OwnableFields) {
    this.apiVersion = apiVersionOf(definition);
    this.#registry = registry;
    this.#definition = definition;
    this.#ownable = ownable;
  }

  schemaOf(apiVersion: string): ValueSchema | undefined {
    return this.#find(apiVersion)?.schema.ownership;
  }

  convert(object: unknown, from: string, to: string): unknown {
    const [source, target] = [this.#find(from), this.#find(to)];
    // The engine hands back what it was given, or parts of it. Nothing may be left of an object that everything was taken from.
    const given = (object ?? {}) as KubernetesObject;
    const stored = (source && converterOf(source)?.toStorage(given)) ?? given;
    return (target && converterOf(target)?.fromStorage(stored)) ?? stored;
  }

  withoutIgnored(fields: FieldSet): FieldSet {
    return this.#ownable(fields);
  }

  /** A stored object in the version of the request. */
  served(object: Readonly<KubernetesObject>): KubernetesObject {
    return converterOf(this.#definition)?.fromStorage(object) ?? object;
  }

  #find(apiVersion: string): ResourceDefinition | undefined {
    if (apiVersion === this.apiVersion) return this.#definition;
    const slash = apiVersion.indexOf('/');
    const [group, version] = slash < 0 ? ['', apiVersion] : [apiVersion.slice(0, slash), apiVersion.slice(slash + 1)];
    const found = this.#registry.findKind(group, version, this.#definition.kind);
    return found?.storage?.prefix === this.#definition.storage?.prefix ? found : undefined;
  }
}
