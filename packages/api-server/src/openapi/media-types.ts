/** What objects are written in. */
export const OBJECT_TYPES = ['application/json', 'application/yaml'];
export const WATCH_TYPES = ['application/json', 'application/json;stream=watch'];
export const PATCH_TYPES = [
  'application/apply-patch+yaml',
  'application/json-patch+json',
  'application/merge-patch+json',
  'application/strategic-merge-patch+json',
];

export const CODE_TEXTS: Readonly<Record<number, string>> = { 200: 'OK', 201: 'Created', 202: 'Accepted' };
