import { apiVersionOf, methodNotAllowed, unknownPath } from '@keelson/api';
import type { VirtualResource } from '../registry/virtual-resource.ts';
import type { ApiResult } from '../response/api-result.ts';
import { bindNamed } from '../subresources/binding.ts';
import { decodeWith, fieldValidationOf, parseBody } from '../verbs/body.ts';
import type { Call } from '../verbs/call.ts';
import type { Verb } from './verb.ts';

export type VirtualCall = Omit<Call, 'storage' | 'dryRun'>;

/** Serves a kind that is not stored. */
export async function serveVirtual(resources: readonly VirtualResource[], call: VirtualCall, verb: Verb): Promise<ApiResult> {
  const { definition, user, namespace, info } = call;
  if (info.name !== undefined || info.subresource !== undefined) throw unknownPath();
  if (verb === 'create' && definition.group === '' && definition.resource === 'bindings') return bindNamed(call);
  const found = resources.find(({ group, resource }) => group === definition.group && resource === definition.resource);
  if (verb === 'create' && definition.verbs.includes('create')) {
    if (!found?.create) throw unknownPath();
    const value = await found.create(decodeVirtual(call), { user, namespace });
    return { type: 'value', status: 201, value };
  }
  if (verb !== 'list' || !definition.verbs.includes('list')) throw methodNotAllowed();
  const items = (await found?.list?.({ user, namespace })) ?? [];
  return {
    type: 'value',
    status: 200,
    value: { kind: definition.listKind, apiVersion: apiVersionOf(definition), metadata: {}, items },
  };
}

/** The body, checked by the schema of the kind. */
export function decodeVirtual(call: VirtualCall): unknown {
  const { definition } = call;
  const validation = fieldValidationOf(call);
  const raw = parseBody(call.request.body, validation !== 'Ignore');
  const object = decodeWith(definition.schema, { raw, validation, warn: call.warn, kind: definition });
  return { ...object, kind: definition.kind, apiVersion: apiVersionOf(definition) };
}
