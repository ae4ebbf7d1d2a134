import { KeelsonError } from '@keelson/base';
import { pathText, type FieldConflict, type FieldOwner } from '@keelson/api/structured-merge';

/** 409 with one cause a field, worded as upstream's. */
export function applyConflict(conflicts: readonly FieldConflict[]): KeelsonError {
  const causes = conflicts.map(({ owner, path }) => ({
    reason: 'FieldManagerConflict',
    message: `conflict with ${ownerText(owner)}`,
    field: pathText(path),
  }));
  return new KeelsonError('Conflict', messageOf(conflicts), { details: { causes } });
}

function messageOf(conflicts: readonly FieldConflict[]): string {
  const [first] = conflicts;
  if (first && conflicts.length === 1) {
    return `Apply failed with 1 conflict: conflict with ${ownerText(first.owner)}: ${pathText(first.path)}`;
  }
  const byOwner = Map.groupBy(conflicts, ({ owner }) => ownerText(owner));
  const names = [...byOwner.keys()].toSorted();
  const lines = names.flatMap((name) => [
    `conflicts with ${name}:`,
    ...(byOwner.get(name) ?? []).map(({ path }) => `- ${pathText(path)}`),
  ]);
  return `Apply failed with ${conflicts.length} conflicts: ${lines.join('\n')}`;
}

/** `"kubectl" with subresource "status" using v1` */
function ownerText({ manager, operation, apiVersion, subresource }: FieldOwner): string {
  const name = JSON.stringify(manager) + (subresource === '' ? '' : ` with subresource ${JSON.stringify(subresource)}`);
  return operation === 'Update' ? `${name} using ${apiVersion}` : name;
}
