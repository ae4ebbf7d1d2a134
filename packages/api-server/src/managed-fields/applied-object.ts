import type { KubernetesObject } from '@keelson/api';
import type { ManagedFieldsEntry } from '@keelson/api/meta/v1';
import { ownersAfterUpdate, type FieldOwners, type TrackedWrite } from '@keelson/api/structured-merge';
import type { Call } from '../verbs/call.ts';
import { applyConflict } from './conflict-error.ts';
import { applied, checkHead } from './engine.ts';
import { KindVersions } from './kind-versions.ts';
import { conflictsBeyondLastApplied, renewLastApplied } from './last-applied.ts';
import { managedFieldsOf, storedOwners } from './owners.ts';
import type { OwnableFields } from './ownable-fields.ts';
import { trackedWrite, withoutOwners } from './track.ts';

export interface AppliedObject {
  /** In the version of the request, without `metadata.managedFields`; shares parts with the live object. */
  readonly object: KubernetesObject;
  /** The live object in that version; empty if there is none. */
  readonly live: Readonly<KubernetesObject>;
  readonly managedFields: ManagedFieldsEntry[] | undefined;
}

export interface Application {
  /** As it is stored; absent if it is to be created. */
  readonly old: Readonly<KubernetesObject> | undefined;
  readonly configuration: Readonly<KubernetesObject>;
  readonly force: boolean;
  readonly ownable: OwnableFields;
}

/** What server-side apply makes of an object. Throws `BadRequest`, and `Conflict` with the fields that others own. */
export function appliedObject(call: Call, { old, configuration, force, ownable }: Application): AppliedObject {
  const versions = new KindVersions(call.services.registry, call.definition, ownable);
  checkHead(configuration, { apiVersion: versions.apiVersion, kind: call.definition.kind });
  const live = old === undefined ? {} : versions.served(withoutOwners(old));
  const write = applyingWrite(call, { versions, old, live });
  let result = applied(write, { live, configuration, force });
  if (result.type === 'conflict') {
    const { manager, apiVersion } = write.self;
    const lastApplied = { live, apiVersion, schema: call.definition.schema.ownership };
    const conflicts = conflictsBeyondLastApplied(manager, result.conflicts, lastApplied);
    if (conflicts.length > 0) throw applyConflict(conflicts);
    result = applied(write, { live, configuration, force: true });
  }
  if (result.type === 'conflict') throw applyConflict(result.conflicts);
  // The engine merges records, and gives one.
  const object: KubernetesObject = { ...(result.object as KubernetesObject) };
  object.metadata = { ...object.metadata };
  renewLastApplied(write.self.manager, object, configuration);
  return { object, live, managedFields: managedFieldsOf(result.owners) };
}

/** What was there before anybody applied, and is not noted, is everybody's who changed it before. */
const BEFORE_FIRST_APPLY = 'before-first-apply';

interface Live {
  readonly versions: KindVersions;
  readonly old: Readonly<KubernetesObject> | undefined;
  readonly live: KubernetesObject;
}

function applyingWrite(call: Call, { versions, old, live }: Live): TrackedWrite {
  const write = trackedWrite(call, versions, storedOwners(old?.metadata?.managedFields));
  const owners = old !== undefined && write.owners.size === 0 ? ownersBeforeApply(write, live) : write.owners;
  return { ...write, owners, self: { ...write.self, operation: 'Apply' } };
}

function ownersBeforeApply(write: TrackedWrite, live: KubernetesObject): FieldOwners {
  return ownersAfterUpdate({ ...write, self: { ...write.self, manager: BEFORE_FIRST_APPLY } }, undefined, live);
}
