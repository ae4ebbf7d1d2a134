import { parseJson, stringifyJson, type KubernetesObject } from '@keelson/api';
import {
  compare,
  configurationSet,
  difference,
  EMPTY_FIELD_SET,
  hasPath,
  SchemaMismatch,
  type FieldConflict,
  type FieldSet,
  type ValueSchema,
} from '@keelson/api/structured-merge';
import { isReason } from '@keelson/base';

/** Where kubectl's client-side apply keeps what it applied last. */
const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';
/** The manager that kubectl's server-side apply says it is: only for it the annotation counts, so that others can do without. */
const KUBECTL = 'kubectl';

const MAX_ANNOTATIONS_BYTES = 256 * 1024;

export interface LastApplied {
  /** In the version of the request. */
  readonly live: Readonly<KubernetesObject>;
  readonly apiVersion: string;
  readonly schema: ValueSchema;
}

/**
 * The conflicts that are left if an object that was applied by the client before is now applied by the server: what kubectl itself wrote
 * the last time, and nobody has changed since, is its own, whatever manager it was written under.
 */
export function conflictsBeyondLastApplied(
  manager: string,
  conflicts: readonly FieldConflict[],
  lastApplied: LastApplied,
): readonly FieldConflict[] {
  if (manager !== KUBECTL) return conflicts;
  const own = lastAppliedSet(lastApplied);
  return conflicts.filter(({ path }) => !hasPath(own, path));
}

/** What client-side apply set, as far as the object has it still. */
function lastAppliedSet({ live, apiVersion, schema }: LastApplied): FieldSet {
  const configuration = parsed(live.metadata?.annotations?.[LAST_APPLIED]);
  if (configuration?.apiVersion !== apiVersion) return EMPTY_FIELD_SET;
  try {
    const { added, modified, removed } = compare(schema, configuration, live);
    return difference(difference(difference(configurationSet(schema, configuration), modified), added), removed);
  } catch (error) {
    if (error instanceof SchemaMismatch) return EMPTY_FIELD_SET;
    throw error;
  }
}

/** A client may have written anything there: then it counts as nothing. */
function parsed(text: string | undefined): KubernetesObject | undefined {
  if (text === undefined || text === '') return undefined;
  try {
    const value = parseJson(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined;
  } catch (error) {
    if (isReason(error, 'BadRequest')) return undefined;
    throw error;
  }
}

/** Brings the annotation up to date, if there is one, so that a client-side apply after this one knows what was applied. */
export function renewLastApplied(manager: string, object: KubernetesObject, configuration: Readonly<KubernetesObject>): void {
  const { metadata } = object;
  if (manager !== KUBECTL || !metadata?.annotations?.[LAST_APPLIED]) return;
  const annotations = { ...metadata.annotations, [LAST_APPLIED]: lastAppliedText(configuration) };
  if (sizeBytes(annotations) > MAX_ANNOTATIONS_BYTES) delete (annotations as Record<string, string>)[LAST_APPLIED];
  metadata.annotations = annotations;
}

function lastAppliedText(configuration: Readonly<KubernetesObject>): string {
  const { metadata } = configuration;
  if (metadata?.annotations === undefined) return `${stringifyJson(configuration)}\n`;
  const { [LAST_APPLIED]: _last, ...annotations } = metadata.annotations;
  return `${stringifyJson({ ...configuration, metadata: { ...metadata, annotations } })}\n`;
}

function sizeBytes(annotations: Readonly<Record<string, string>>): number {
  return Object.entries(annotations).reduce((sum, [name, value]) => sum + Buffer.byteLength(name) + Buffer.byteLength(value), 0);
}
