import { APPS } from './descriptions/apps.ts';
import { BATCH } from './descriptions/batch.ts';
import { CLUSTER } from './descriptions/cluster.ts';
import { CONTAINERS } from './descriptions/containers.ts';
import { META } from './descriptions/meta.ts';
import { NETWORKING } from './descriptions/networking.ts';
import { OTHERS } from './descriptions/others.ts';
import { PODS } from './descriptions/pods.ts';
import { RBAC } from './descriptions/rbac.ts';
import { SERVICES } from './descriptions/services.ts';
import { FIELDS, SAME_AS, type Descriptions } from './descriptions/shared.ts';
import { VOLUMES } from './descriptions/volumes.ts';

/** What the documents say of definitions and their fields. Whatever is not here has no description. */
export const DESCRIPTIONS: Descriptions = {
  ...META,
  ...PODS,
  ...CONTAINERS,
  ...VOLUMES,
  ...SERVICES,
  ...CLUSTER,
  ...APPS,
  ...BATCH,
  ...NETWORKING,
  ...RBAC,
  ...OTHERS,
};

/** What they say of parameters in the query. */
const PARAMETERS: Readonly<Record<string, string>> = {
  allowWatchBookmarks: 'Lets the server send BOOKMARK events now and then, which say how far the watch is.',
  continue: 'Where to go on with a list that was cut off by `limit`: the token of the part before.',
  dryRun: '`All`: do everything except store the result.',
  fieldManager: 'Name of who makes the change, as it appears in `metadata.managedFields`.',
  fieldSelector: 'Only objects whose fields match, such as `metadata.name=web`.',
  fieldValidation:
    'What to do about fields that are unknown or given twice: `Ignore` drops them, `Warn` warns, `Strict` refuses.',
  force: 'Take over fields that other managers have applied. For apply patches only.',
  gracePeriodSeconds: 'Seconds that the object has to end in an orderly way; 0 deletes at once.',
  labelSelector: 'Only objects whose labels match, such as `app=web,tier!=db`.',
  limit: 'At most so many objects; the rest is found with `continue`.',
  orphanDependents: 'Deprecated: use `propagationPolicy`.',
  pretty: '`true`: write the answer for people to read.',
  propagationPolicy: 'What becomes of dependents: `Orphan`, `Background` or `Foreground`.',
  resourceVersion: 'How old the answer may be, as `resourceVersionMatch` says; for watches, where to begin.',
  resourceVersionMatch: 'How to read `resourceVersion`: `Exact` or `NotOlderThan`.',
  sendInitialEvents: 'Begin a watch with the objects that are there, then a bookmark.',
  timeoutSeconds: 'End the call after so many seconds, however much it has brought.',
  watch: 'Watch for changes instead of listing.',
  name: 'Name of the object.',
  namespace: 'Namespace of the object.',
  path: 'The rest of the path, passed on.',
};

const CONDITION_STATUS = '`True`, `False` or `Unknown`.';

export function describeField(definition: string, field: string): string | undefined {
  const own = DESCRIPTIONS[definition]?.[field] ?? DESCRIPTIONS[SAME_AS[definition] ?? '']?.[field];
  if (own !== undefined) return own;
  return field === 'status' && definition.endsWith('Condition') ? CONDITION_STATUS : FIELDS[field];
}

export function describeDefinition(definition: string): string | undefined {
  return DESCRIPTIONS[definition]?.[''] ?? DESCRIPTIONS[SAME_AS[definition] ?? '']?.[''];
}

export function describeParameter(name: string): string | undefined {
  return PARAMETERS[name];
}
