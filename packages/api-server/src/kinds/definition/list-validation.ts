import { isSchema, type StructuralSchema } from '../../structural/structural-schema.ts';
import { textsOf } from '../../validation/lists.ts';
import type { Field } from '../../validation/field.ts';

const MAP_TYPES = ['atomic', 'granular'];
const LIST_TYPES = ['atomic', 'set', 'map'];

/** `x-kubernetes-map-type` */
export function checkMaps(schema: StructuralSchema, at: Field): void {
  const mapType = schema['x-kubernetes-map-type'];
  if (mapType === undefined) return;
  checkTypeIs('object', schema, { at, extension: 'x-kubernetes-map-type' });
  if (!MAP_TYPES.includes(mapType)) at.child('x-kubernetes-map-type').notSupported(mapType, MAP_TYPES);
}

/** `x-kubernetes-list-type` and `x-kubernetes-list-map-keys` */
export function checkLists(schema: StructuralSchema, at: Field): void {
  const listType = schema['x-kubernetes-list-type'];
  const keys = textsOf(schema['x-kubernetes-list-map-keys']);
  const place = at.child('x-kubernetes-list-type');
  if (listType !== undefined) {
    if (!checkTypeIs('array', schema, { at, extension: 'x-kubernetes-list-type' })) checkSetItems(schema, at);
    if (!LIST_TYPES.includes(listType)) place.notSupported(listType, LIST_TYPES);
  }
  if (keys.length > 0 && listType !== 'map') {
    const why = 'must be map if x-kubernetes-list-map-keys is non-empty';
    if (listType === undefined) place.required(why);
    else place.invalid(listType, why);
  }
  if (listType === 'map') checkListMap(schema, keys, at);
  if (listType === 'map' || listType === 'set') checkKeysAreThere(schema, { at, listType, keys });
}

/** True if it is not, which is then reported. */
function checkTypeIs(
  wanted: 'object' | 'array',
  { type = '' }: StructuralSchema,
  { at, extension }: { readonly at: Field; readonly extension: string },
): boolean {
  if (type === wanted) return false;
  const why = `must be ${wanted} if ${extension} is specified`;
  if (type === '') at.child('type').required(why);
  else at.child('type').invalid(type, why);
  return true;
}

function checkSetItems({ items, 'x-kubernetes-list-type': listType }: StructuralSchema, at: Field): void {
  if (listType !== 'set' || !isSchema(items)) return;
  const why = 'must be atomic as item of a list with x-kubernetes-list-type=set';
  const inner = items['x-kubernetes-list-type'];
  if (items.type === 'array' && inner !== undefined && inner !== 'atomic')
    at.child('items').child('x-kubernetes-list-type').invalid(inner, why);
  if (items.type === 'object' && items['x-kubernetes-map-type'] !== 'atomic')
    at.child('items').child('x-kubernetes-map-type').invalid(inner, why);
}

function checkListMap({ items }: StructuralSchema, keys: readonly string[], at: Field): void {
  const place = at.child('x-kubernetes-list-map-keys');
  if (keys.length === 0) place.required('must not be empty if x-kubernetes-list-type is map');
  if (items === undefined) return at.child('items').required('must have a schema if x-kubernetes-list-type is map');
  if (!isSchema(items))
    return at.child('items').invalid(items, 'must only have a single schema if x-kubernetes-list-type is map');
  if (items.type !== 'object') {
    const why = "must be object if parent array's x-kubernetes-list-type is map";
    return at
      .child('items')
      .child('type')
      .invalid(items.type ?? '', why);
  }
  for (const [index, key] of keys.entries()) {
    const field = items.properties?.[key];
    const fieldAt = at.child('items').child('properties').key(key).child('type');
    if (!field) place.invalid(keys, 'entries must all be names of item properties');
    else if (field.type === 'array' || field.type === 'object')
      fieldAt.invalid(items.type, "must be a scalar type if parent array's x-kubernetes-list-type is map");
    if (keys.indexOf(key) !== index) place.invalid(keys, 'must not contain duplicate entries');
  }
}

function checkKeysAreThere(
  { items }: StructuralSchema,
  { at, listType, keys }: { readonly at: Field; readonly listType: string; readonly keys: readonly string[] },
): void {
  if (!isSchema(items)) return;
  const place = at.child('items');
  if (items.nullable === true) place.child('nullable').forbidden(`cannot be nullable when x-kubernetes-list-type is ${listType}`);
  for (const key of listType === 'map' ? keys : []) {
    const field = items.properties?.[key];
    if (!field) continue;
    const fieldAt = place.child('properties').key(key);
    if (items.required?.includes(key) !== true && field.default === undefined) {
      const why = 'this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property';
      fieldAt.child('default').required(why);
    }
    if (field.nullable === true)
      fieldAt.child('nullable').forbidden('this property is in x-kubernetes-list-map-keys, so it cannot be nullable');
  }
}
