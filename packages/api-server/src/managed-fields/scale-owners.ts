import { difference, hasPath, ownerId, setOfPath, type FieldOwner, type FieldOwners } from '@keelson/api/structured-merge';

/** The version in which `/scale` is served, whatever is scaled. */
export const SCALE_VERSION = 'autoscaling/v1';

const REPLICAS = ['f:spec', 'f:replicas'];
const ONLY_REPLICAS = setOfPath(REPLICAS);

/** The owners of an object as those of its Scale: who owns the number of replicas. */
export function scaleOwners(owners: FieldOwners): FieldOwners {
  const result = new Map<string, FieldOwner>();
  for (const [id, owner] of owners) {
    if (hasPath(owner.fields, REPLICAS)) result.set(id, { ...owner, apiVersion: SCALE_VERSION, fields: ONLY_REPLICAS });
  }
  return result;
}

/** The way back: the owners of the object, after those of its Scale have changed. */
export function ownersOfScaled(owners: FieldOwners, scale: FieldOwners, apiVersion: string): FieldOwners {
  const result = new Map<string, FieldOwner>();
  const isNew = new Set(scale.keys());
  for (const [id, owner] of owners) {
    isNew.delete(id);
    if (scale.has(id) || !hasPath(owner.fields, REPLICAS)) {
      result.set(id, owner);
      continue;
    }
    const fields = difference(owner.fields, ONLY_REPLICAS);
    if (Object.keys(fields).length > 0) result.set(id, { ...owner, fields });
  }
  for (const [id, owner] of scale) {
    if (!isNew.has(id) || !hasPath(owner.fields, REPLICAS)) continue;
    const scaler = { ...owner, apiVersion, fields: ONLY_REPLICAS };
    result.set(ownerId(scaler), scaler);
  }
  return result;
}
