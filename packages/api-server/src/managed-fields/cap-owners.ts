import { ownerId, union, type FieldOwner, type FieldOwners } from '@keelson/api/structured-merge';

/** How many entries of `Update` an object keeps. */
const MAX_UPDATE_OWNERS = 10;
const ANCIENT = 'ancient-changes';

/**
 * The owners, of whom at most ten have updated. Of more than that, the oldest of one version become one, which is nobody in particular; the
 * first of a version that is met keeps its entry until another one of that version has to join it.
 */
export function capOwners(owners: FieldOwners): FieldOwners {
  if (owners.size <= MAX_UPDATE_OWNERS) return owners;
  const updaters = [...owners].filter(([, { operation }]) => operation === 'Update').toSorted(byAge);
  let count = updaters.length;
  if (count <= MAX_UPDATE_OWNERS) return owners;
  const result = new Map(owners);
  const firstOf = new Map<string, string>();
  for (const [id, owner] of updaters) {
    if (count <= MAX_UPDATE_OWNERS) break;
    const { apiVersion, time, fields } = owner;
    const first = firstOf.get(apiVersion);
    if (first === undefined) {
      firstOf.set(apiVersion, id);
      continue;
    }
    const bucket: Omit<FieldOwner, 'fields'> = { manager: ANCIENT, operation: 'Update', apiVersion, subresource: '', time };
    const bucketId = ownerId(bucket);
    const before = result.get(bucketId) ?? result.get(first);
    if (!result.has(bucketId)) result.delete(first);
    result.delete(id);
    result.set(bucketId, { ...bucket, fields: before ? union(fields, before.fields) : fields });
    count -= 1;
  }
  return result;
}

function byAge([a, mine]: readonly [string, FieldOwner], [b, theirs]: readonly [string, FieldOwner]): number {
  const [aTime, bTime] = [mine.time ?? '', theirs.time ?? ''];
  if (aTime !== bTime) return aTime < bTime ? -1 : 1;
  return a < b ? -1 : 1;
}
