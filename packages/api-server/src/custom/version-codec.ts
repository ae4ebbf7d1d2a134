import { apiVersionOf, internalError, type KubernetesObject } from '@keelson/api';
import type { Eventually, ObjectCodec } from '../storage/object-codec.ts';
import { setSchemaDefaults } from '../structural/defaults.ts';
import { Pruner } from '../structural/prune.ts';
import type { Conversion } from './conversion.ts';
import type { CustomSchema } from './custom-schema.ts';

/** All versions of a custom kind, also those that are not served, by their apiVersion. */
export type VersionSchemas = ReadonlyMap<string, CustomSchema>;

interface CodecParts {
  readonly group: string;
  /** The version that objects are held in. */
  readonly version: string;
  readonly storageVersion: string;
  readonly schemas: VersionSchemas;
  readonly conversion: Conversion;
}

/**
 * Objects of one version of a custom kind and how they are stored. What is read gets the defaults of the version it was stored in, is
 * converted, and loses what its schema does not know: a definition may have changed since it was written.
 */
export class VersionCodec implements ObjectCodec {
  readonly #apiVersion: string;
  readonly #stored: string;
  readonly #schemas: VersionSchemas;
  readonly #conversion: Conversion;

  constructor({ group, version, storageVersion, schemas, conversion }: CodecParts) {
    this.#apiVersion = apiVersionOf({ group, version });
    this.#stored = apiVersionOf({ group, version: storageVersion });
    this.#schemas = schemas;
    this.#conversion = conversion;
  }

  read(stored: readonly KubernetesObject[]): Eventually<readonly KubernetesObject[]> {
    const current = stored.map((object) => this.#brought(object));
    const others = current.filter(({ apiVersion }) => apiVersion !== this.#apiVersion);
    if (others.length === 0) return current;
    return this.#convert(others, this.#apiVersion, (converted) => {
      let at = 0;
      const next = (object: KubernetesObject): KubernetesObject => converted[at++] ?? object;
      return current.map((object) => (object.apiVersion === this.#apiVersion ? object : next(object)));
    });
  }

  write(object: KubernetesObject): Eventually<KubernetesObject> {
    if (this.#stored === this.#apiVersion) return object;
    return this.#convert([object], this.#stored, ([converted = object]) => converted);
  }

  #convert<T>(
    objects: readonly KubernetesObject[],
    apiVersion: string,
    use: (converted: readonly KubernetesObject[]) => T,
  ): Eventually<T> {
    const prune = (converted: readonly KubernetesObject[]): T => use(converted.map((each) => this.#pruned(each, apiVersion)));
    const converted = this.#conversion.convert(objects, apiVersion);
    return converted instanceof Promise ? converted.then(prune) : prune(converted);
  }

  /** A stored object as its version has it now. */
  #brought(object: KubernetesObject): KubernetesObject {
    const apiVersion = object.apiVersion ?? '';
    const pruned = this.#pruned(object, apiVersion);
    setSchemaDefaults(pruned, this.#schemaOf(apiVersion).root);
    return pruned;
  }

  #pruned(object: KubernetesObject, apiVersion: string): KubernetesObject {
    // An object stays one.
    const fields = object as Readonly<Record<string, unknown>>;
    return new Pruner({ lenient: true }).object(this.#schemaOf(apiVersion).root, fields) as KubernetesObject;
  }

  #schemaOf(apiVersion: string): CustomSchema {
    const schema = this.#schemas.get(apiVersion);
    if (schema) return schema;
    throw internalError(`request to convert CR from an invalid group/version: ${apiVersion}`);
  }
}
