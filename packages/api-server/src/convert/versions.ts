import { apiVersionOf, type KubernetesObject } from '@keelson/api';
import type { ResourceDefinition } from '../registry/resource-definition.ts';
import { autoscalerFromV2, autoscalerToV2 } from './autoscalers.ts';
import { eventFromCore, eventToCore } from './events.ts';

/** Between a served version and the stored one. Both directions may take over parts of what they are given. */
export interface VersionConverter {
  toStorage(object: KubernetesObject): KubernetesObject;
  fromStorage(object: Readonly<KubernetesObject>): KubernetesObject;
}

const converters = new WeakMap<ResourceDefinition, VersionConverter | 'same'>();

/** `undefined` if objects are held as they are served. */
export function converterOf(definition: ResourceDefinition): VersionConverter | undefined {
  let known = converters.get(definition);
  if (known === undefined) {
    known = makeConverter(definition) ?? 'same';
    converters.set(definition, known);
  }
  return known === 'same' ? undefined : known;
}

function makeConverter(definition: ResourceDefinition): VersionConverter | undefined {
  const { storage, group, version, kind } = definition;
  if (!storage || storage.codec || (storage.group === group && storage.version === version)) return undefined;
  if (kind === 'Event') return { toStorage: eventToCore, fromStorage: eventFromCore };
  if (group === 'autoscaling') return { toStorage: autoscalerToV2, fromStorage: autoscalerFromV2 };
  const stored = apiVersionOf(storage);
  const served = apiVersionOf(definition);
  return {
    toStorage: (object) => ({ ...object, apiVersion: stored }),
    fromStorage: (object) => ({ ...object, apiVersion: served }),
  };
}
