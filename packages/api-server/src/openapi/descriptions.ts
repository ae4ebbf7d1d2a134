import { KIND_DESCRIPTIONS } from './kind-descriptions.ts';

/**
 * What the documents say of definitions (`core.v1.Pod`), fields (`core.v1.Pod.spec`) and parameters (`?dryRun`). Whatever is not here
 * has no description. Fields that every kind has are described once, under `*`.
 */
const DESCRIPTIONS: Readonly<Record<string, string>> = {
  ...KIND_DESCRIPTIONS,
  '*.apiVersion':
    'APIVersion defines the group and version of the schema that this object follows, such as `apps/v1`, or `v1` in the core group.',
  '*.kind': 'Kind names what this object is, in CamelCase. The server derives it from the path that is written to.',
  '*.metadata': "Standard object's metadata: name, namespace, labels and what else every object has.",
  '*.spec': 'The state that is wanted.',
  '*.status': 'The state that was last observed. Written by the system.',
  '*.items': 'The objects of the list.',
  '?allowWatchBookmarks': 'Lets the server send BOOKMARK events now and then, which say how far the watch is.',
  '?continue': 'Where to go on with a list that was cut off by `limit`: the token of the part before.',
  '?dryRun': '`All`: do everything except store the result.',
  '?fieldManager': 'Name of who makes the change, as it appears in `metadata.managedFields`.',
  '?fieldSelector': 'Only objects whose fields match, such as `metadata.name=web`.',
  '?fieldValidation':
    'What to do about fields that are unknown or given twice: `Ignore` drops them, `Warn` warns, `Strict` refuses.',
  '?force': 'Take over fields that other managers have applied. For apply patches only.',
  '?gracePeriodSeconds': 'Seconds that the object has to end in an orderly way; 0 deletes at once.',
  '?labelSelector': 'Only objects whose labels match, such as `app=web,tier!=db`.',
  '?limit': 'At most so many objects; the rest is found with `continue`.',
  '?orphanDependents': 'Deprecated: use `propagationPolicy`.',
  '?pretty': '`true`: write the answer for people to read.',
  '?propagationPolicy': 'What becomes of dependents: `Orphan`, `Background` or `Foreground`.',
  '?resourceVersion': 'How old the answer may be, as `resourceVersionMatch` says; for watches, where to begin.',
  '?resourceVersionMatch': 'How to read `resourceVersion`: `Exact` or `NotOlderThan`.',
  '?sendInitialEvents': 'Begin a watch with the objects that are there, then a bookmark.',
  '?timeoutSeconds': 'End the call after so many seconds, however much it has brought.',
  '?watch': 'Watch for changes instead of listing.',
  '?name': 'Name of the object.',
  '?namespace': 'Namespace of the object.',
  '?path': 'The rest of the path, passed on.',
};

export function describeField(definition: string, field: string): string | undefined {
  return DESCRIPTIONS[`${definition}.${field}`] ?? DESCRIPTIONS[`*.${field}`];
}

export function describeDefinition(definition: string): string | undefined {
  return DESCRIPTIONS[definition];
}

export function describeParameter(name: string): string | undefined {
  return DESCRIPTIONS[`?${name}`];
}
