import { apiVersionOf, type KubernetesObject, methodNotAllowed, nameOf, namespaceOf, notFound, unknownPath } from '@keelson/api';
import type { VirtualResource } from '../registry/virtual-resource.ts';
import type { ApiResult } from '../response/api-result.ts';
import type { Selection } from '../storage/selection.ts';
import { bindNamed } from '../subresources/binding.ts';
import { cannotHandle, decodeWith, fieldValidationOf, parseBody } from '../verbs/body.ts';
import type { Call } from '../verbs/call.ts';
import { selectionOf } from '../verbs/selection-of.ts';
import type { Verb } from './verb.ts';

export type VirtualCall = Omit<Call, 'storage' | 'dryRun'>;

/** Serves a kind that is not stored. */
export async function serveVirtual(resources: readonly VirtualResource[], call: VirtualCall, verb: Verb): Promise<ApiResult> {
  const { definition, user, namespace, info } = call;
  if (info.subresource !== undefined) throw unknownPath();
  const found = resources.find(({ group, resource }) => group === definition.group && resource === definition.resource);
  const caller = { user, namespace };
  if (info.name !== undefined) return getVirtual(found, call, verb);
  if (verb === 'create' && definition.group === '' && definition.resource === 'bindings') return bindNamed(call);
  if (verb === 'create' && definition.verbs.includes('create')) {
    if (!found?.create) throw unknownPath();
    const value = await found.create(decodeVirtual(call), caller);
    return { type: 'value', status: 201, value };
  }
  if (verb !== 'list' || !definition.verbs.includes('list')) throw methodNotAllowed();
  const selection = selectionOf(call);
  const listed = (await found?.list?.(caller)) ?? [];
  return { type: 'objects', definition, objects: listed.filter((object) => isSelected(object, selection)), metadata: {} };
}

async function getVirtual(found: VirtualResource | undefined, call: VirtualCall, verb: Verb): Promise<ApiResult> {
  const { definition, user, namespace, name } = call;
  if (!found?.get) throw unknownPath();
  if (verb !== 'get') throw methodNotAllowed();
  const object = await found.get(name, { user, namespace });
  if (!object) throw notFound(definition, name);
  const value = { ...object, kind: definition.kind, apiVersion: apiVersionOf(definition) };
  return { type: 'value', status: 200, definition, value };
}

/** Of virtual kinds, names and namespaces are the only fields. */
function isSelected(object: KubernetesObject, { namespace, name, labels, fields }: Selection): boolean {
  if (namespace !== undefined && namespaceOf(object) !== namespace) return false;
  if (name !== undefined && nameOf(object) !== name) return false;
  if (labels && !labels.isEmpty && !labels.matches(object.metadata?.labels ?? {})) return false;
  return fields.every(({ field, operator, value }) => {
    const has = field === 'metadata.name' ? nameOf(object) : namespaceOf(object);
    return (has === value) === (operator === '=');
  });
}

/** The body, checked by the schema of the kind. */
export function decodeVirtual(call: VirtualCall): unknown {
  const { definition } = call;
  const validation = fieldValidationOf(call);
  const raw = parseBody(call.request.body, validation !== 'Ignore');
  const object = decodeWith(definition.schema, {
    raw,
    validation,
    warn: call.warn,
    refuse: (why) => cannotHandle(definition, why),
  });
  return { ...object, kind: definition.kind, apiVersion: apiVersionOf(definition) };
}
