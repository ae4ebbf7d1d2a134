import type { CustomResourceDefinition } from '@keelson/api/apiextensions/v1';
import type { Guard, Write } from '@keelson/store';
import type { Companions } from '../../registry/strategy.ts';

const PREFIX = '/registry/apiextensions.k8s.io/names/';

/** Keys for the names that a definition has been given. */
function claimsOf(definition: Readonly<CustomResourceDefinition> | undefined): Set<string> {
  const { plural, singular, shortNames = [], kind, listKind } = definition?.status?.acceptedNames ?? {};
  const group = definition?.spec.group ?? '';
  const keys = new Set<string>();
  for (const name of [plural, singular, ...shortNames]) if (name) keys.add(`${PREFIX}${group}/resources/${name}`);
  for (const name of [kind, listKind]) if (name) keys.add(`${PREFIX}${group}/kinds/${name}`);
  return keys;
}

/**
 * Each accepted name is a key of its own, written in the same commit as the status that says so: of two servers that accept the same name
 * for two definitions at the same time, one has to look again.
 */
export function nameClaims(
  object: Readonly<CustomResourceDefinition> | undefined,
  old: Readonly<CustomResourceDefinition> | undefined,
): Companions {
  const [wanted, held] = [claimsOf(object), claimsOf(old)];
  const writes: Write[] = [];
  const guards: Guard[] = [];
  for (const key of wanted) {
    if (held.has(key)) continue;
    guards.push({ key, revision: 0 });
    writes.push({ type: 'put', key, value: Buffer.from(object?.metadata?.name ?? '') });
  }
  for (const key of held) if (!wanted.has(key)) writes.push({ type: 'delete', key });
  return { writes, guards };
}
