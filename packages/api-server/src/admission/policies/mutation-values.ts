import {
  DYN,
  EvaluationFailure,
  objectType,
  STRING,
  toJson,
  unescapeFieldName,
  type CelObject,
  type CelValue,
  type StructTypes,
} from '@keelson/cel';

const ROOT = 'Object';
const PATCH = objectType(
  'JSONPatch',
  new Map([
    ['op', STRING],
    ['path', STRING],
    ['from', STRING],
    ['value', DYN],
  ]),
);

/**
 * What expressions of mutating policies can make: `Object`, named for its place (`Object.spec.template`), with fields of any name, and
 * `JSONPatch`.
 */
export const MUTATION_TYPES: StructTypes = {
  find(name) {
    if (name === PATCH.name) return PATCH;
    return isObjectType(name) ? objectType(name, new Map()) : undefined;
  },
  field: ({ name }) => (isObjectType(name) ? DYN : undefined),
};

function isObjectType(name: string): boolean {
  return name === ROOT || name.startsWith(`${ROOT}.`);
}

/** An object that an expression has made, as JSON. Throws `EvaluationFailure` if a part of it is named for another place. */
export function mutationJson(value: CelValue, place = ROOT): unknown {
  if (value === null || typeof value !== 'object' || value instanceof Uint8Array) return toJson(value);
  switch (value.kind) {
    case 'object':
      return isObjectType(value.typeName) ? objectJson(value, place) : toJson(value);
    case 'list':
      return Array.from({ length: value.size }, (_, index) => mutationJson(value.at(index), place));
    case 'map':
      return Object.fromEntries(
        Array.from(value.keys(), (key) => [String(key), mutationJson(value.get(key as string) ?? null, place)] as const),
      );
    case 'optional':
      return value.value === undefined ? undefined : mutationJson(value.value, place);
    default:
      return toJson(value);
  }
}

function objectJson(value: CelObject, place: string): unknown {
  const { typeName } = value;
  if (typeName !== place && typeName !== `${place}.item`) {
    const wanted = JSON.stringify(place);
    throw new EvaluationFailure(
      `unexpected type name ${JSON.stringify(typeName)}, expected ${wanted}, which matches field name path from root Object type`,
    );
  }
  const entries = [...value.fields()].map((field) => {
    return [unescapeFieldName(field), mutationJson(value.get(field) ?? null, `${place}.${field}`)] as const;
  });
  return Object.fromEntries(entries);
}

/** A list of `JSONPatch` as RFC 6902 has it. */
export function patchJson(value: CelValue): readonly unknown[] {
  if (value === null || typeof value !== 'object' || !('kind' in value) || value.kind !== 'list') {
    throw new EvaluationFailure('a JSON patch is a list of JSONPatch');
  }
  return Array.from({ length: value.size }, (_, index) => operationJson(value.at(index)));
}

function operationJson(value: CelValue): unknown {
  if (value === null || typeof value !== 'object' || !('kind' in value) || value.kind !== 'object') {
    throw new EvaluationFailure('a JSON patch is a list of JSONPatch');
  }
  const entries = [...value.fields()].map((field) => {
    const content = value.get(field) ?? null;
    return [field, field === 'value' ? anyJson(content) : toJson(content)] as const;
  });
  return Object.fromEntries(entries);
}

/** A value to put at a path: an object in it may be named for any place. */
function anyJson(value: CelValue): unknown {
  const isObject = value !== null && typeof value === 'object' && 'kind' in value && value.kind === 'object';
  return mutationJson(value, isObject ? value.typeName : ROOT);
}
