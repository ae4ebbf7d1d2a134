import { apiVersionOf, type KubernetesObject, stringifyJson } from '@keelson/api';
import { converterOf } from '../convert/versions.ts';
import type { ResourceDefinition } from '../registry/resource-definition.ts';
import type { WatchNote } from '../storage/cache-event.ts';
import type { StoredObject } from '../storage/stored-object.ts';

/** The object in the version that was asked for; frozen and shared if it is stored in that version. */
export function servedObject(definition: ResourceDefinition, item: StoredObject): KubernetesObject {
  const converter = converterOf(definition);
  return converter ? converter.fromStorage(item.object()) : item.object();
}

/** As `servedObject`, for whoever only reads it at once: see `StoredObject.glance`. */
export function glancedObject(definition: ResourceDefinition, item: StoredObject): Readonly<KubernetesObject> {
  const object = item.glance();
  return converterOf(definition)?.fromStorage(object) ?? object;
}

/** The frame of a watch, in the version that was asked for. */
export function servedFrame(definition: ResourceDefinition, note: WatchNote): Buffer {
  if (!converterOf(definition)) return note.frame();
  return note.form(`frame ${apiVersionOf(definition)}`, ({ type, item }) =>
    Buffer.from(`${stringifyJson({ type, object: servedObject(definition, item) })}\n`),
  );
}

/** What a bookmark carries: how far the watch is, and nothing else. */
export function bookmarkObject(
  definition: ResourceDefinition,
  resourceVersion: string,
  initialEventsEnd: boolean,
): KubernetesObject {
  return {
    kind: definition.kind,
    apiVersion: apiVersionOf(definition),
    metadata: { resourceVersion, ...(initialEventsEnd && { annotations: { 'k8s.io/initial-events-end': 'true' } }) },
  };
}

/** Whether items of lists have `kind` and `apiVersion`: those of custom kinds do, as Kubernetes has no types for them; clients rely on it. */
export function itemsSayTheirKind({ storage }: ResourceDefinition): boolean {
  return storage?.codec !== undefined;
}
