/** What objects are written in. */
export const OBJECT_TYPES = ['application/json', 'application/yaml'];
export const WATCH_TYPES = ['application/json', 'application/json;stream=watch'];
const PATCH_TYPES = ['application/apply-patch+yaml', 'application/json-patch+json', 'application/merge-patch+json'];

/** What patches of a kind are written in. */
export function patchTypes(knowsStrategic: boolean): readonly string[] {
  return knowsStrategic ? [...PATCH_TYPES, 'application/strategic-merge-patch+json'] : PATCH_TYPES;
}

export const CODE_TEXTS: Readonly<Record<number, string>> = { 200: 'OK', 201: 'Created', 202: 'Accepted' };
