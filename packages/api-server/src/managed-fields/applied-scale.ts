import { formatTime, type KubernetesObject } from '@keelson/api';
import { tableSchema, type FieldOwners, type VersionedSchemas } from '@keelson/api/structured-merge';
import type { Call } from '../verbs/call.ts';
import { applyConflict } from './conflict-error.ts';
import { applied, checkHead } from './engine.ts';
import { managerOf } from './manager-name.ts';
import { SCALE_VERSION } from './scale-owners.ts';

/** Scales have one version. */
const VERSIONS: VersionedSchemas = {
  schemaOf: (apiVersion) => (apiVersion === SCALE_VERSION ? tableSchema('autoscaling.v1.Scale') : undefined),
  convert: (object) => object,
  withoutIgnored: (fields) => fields,
};

/** What server-side apply makes of a Scale, whose owners are given apart. Throws `BadRequest` and `Conflict`. */
export function appliedScale(
  call: Call,
  { live, owners, configuration }: { live: KubernetesObject; owners: FieldOwners; configuration: Readonly<KubernetesObject> },
): { readonly object: unknown; readonly owners: FieldOwners } {
  checkHead(configuration, { apiVersion: SCALE_VERSION, kind: 'Scale' });
  const { request, services } = call;
  const self = { manager: managerOf(request), operation: 'Apply', apiVersion: SCALE_VERSION, subresource: 'scale' } as const;
  const write = { versions: VERSIONS, owners, self, now: formatTime(services.clock.now()) };
  const result = applied(write, { live, configuration, force: request.query.flag('force') });
  if (result.type === 'conflict') throw applyConflict(result.conflicts);
  return result;
}
