import { apiVersionOf, type KubernetesObject } from '@keelson/api';
import { converterOf } from '../../convert/versions.ts';
import type { ResourceDefinition } from '../../registry/resource-definition.ts';

/**
 * What came out of a change that a user's webhook or policy makes, as an object of the kind again, in the stored version: fields that the
 * kind does not have are left out. Throws `BadRequest` for what can be no object of the kind.
 */
export function reshape(changed: unknown, seen: ResourceDefinition): KubernetesObject {
  const { kind: _kind, apiVersion: _apiVersion, ...fields } = seen.schema.decode(changed).object;
  const object: KubernetesObject = { kind: seen.kind, apiVersion: apiVersionOf(seen), ...fields };
  return converterOf(seen)?.toStorage(object) ?? object;
}
