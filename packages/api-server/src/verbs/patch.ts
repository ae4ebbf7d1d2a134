import { applyJsonPatch, applyMergePatch, applyStrategicMergePatch, badRequest, unsupportedMediaType } from '@keelson/api';
import { isReason, KeelsonError } from '@keelson/base';
import { checkPatchOptions } from '../managed-fields/manager-name.ts';
import type { ResourceDefinition } from '../registry/resource-definition.ts';
import type { ApiResult } from '../response/api-result.ts';
import { servedObject } from '../response/served-object.ts';
import { apply } from './apply.ts';
import { decodeObject, fieldValidationOf, mediaTypeOf, parseJsonBody, type RawBody } from './body.ts';
import type { Call } from './call.ts';
import { patchFault } from './patch-fault.ts';
import { checkIdentity } from './patched-identity.ts';
import { change, type Change } from './update.ts';

export const JSON_PATCH = 'application/json-patch+json';
export const MERGE_PATCH = 'application/merge-patch+json';
export const STRATEGIC_MERGE_PATCH = 'application/strategic-merge-patch+json';
export const APPLY_PATCH = 'application/apply-patch+yaml';

const MAX_OPERATIONS = 10_000;

/** A patch that is parsed. */
export interface Patch {
  readonly type: 'json' | 'merge' | 'strategic';
  readonly value: unknown;
  /** What is wrong with the patch itself, though it can be read: keys that are there twice, or that no operation has. */
  readonly faults: readonly string[];
}

/** PATCH of an object or of its status. */
export async function patch(call: Call): Promise<ApiResult> {
  const part = call.info.subresource === 'status' ? 'status' : 'main';
  return patchPart(call, part);
}

/** Patches a part of the object. */
export async function patchPart(call: Call, part: Change['part']): Promise<ApiResult> {
  if (isApply(call)) return apply(call, part);
  const wanted = readPatch(call);
  const validation = fieldValidationOf(call);
  return change(call, {
    part,
    next: (_old, item) => {
      const known = servedObject(call.definition, item);
      const patched = applyPatch(wanted, known, call.definition.schema.mergeKeys);
      const raw = { value: patched, duplicates: [], faults: wanted.faults, known };
      const object = decodeObject(call, raw, validation, (why) => patchFault(wanted, patched, why));
      checkIdentity(call, object);
      return object;
    },
  });
}

/** True for a server-side apply. */
export function isApply({ request }: Pick<Call, 'request'>): boolean {
  return mediaTypeOf(request.body?.contentType) === APPLY_PATCH;
}

/** Applies a patch; `document` is not changed. `mergeKeys` names the definition that says how lists are merged. */
export function applyPatch({ type, value }: Patch, document: unknown, mergeKeys: string | undefined): unknown {
  switch (type) {
    case 'json':
      return applyOperations(document, value);
    case 'merge':
      return applyMergePatch(document, value);
    case 'strategic':
      return applyStrategicMergePatch(document, value, mergeKeys ?? '');
  }
}

/** Kubernetes says no more than that it cannot be done. */
function applyOperations(document: unknown, value: unknown): unknown {
  try {
    return applyJsonPatch(document, value);
  } catch (error) {
    if (!isReason(error, 'Invalid')) throw error;
    const message = 'the server rejected our request due to an error in our request';
    throw new KeelsonError('Invalid', message, { details: {}, cause: error });
  }
}

/** The patch in the body. Throws `UnsupportedMediaType` and `BadRequest`. */
export function readPatch(call: Call): Patch {
  checkPatchOptions(call.request, false);
  const { body } = call.request;
  const type = patchType(call.definition, mediaTypeOf(body?.contentType));
  const isStrict = fieldValidationOf(call) !== 'Ignore';
  const raw: RawBody =
    body?.type === 'value' ? { value: body.value, duplicates: [] } : parseJsonBody(body?.data.toString() ?? '', isStrict);
  const { value } = raw;
  if (value === undefined || value === null) throw badRequest('a patch must not be empty');
  if (type === 'json') {
    if (!Array.isArray(value))
      throw badRequest('error decoding patch: json: cannot unmarshal object into Go value of type jsonpatch.Patch');
    if (value.length > MAX_OPERATIONS) {
      const why = `The allowed maximum operations in a JSON patch is ${MAX_OPERATIONS}, got ${value.length}`;
      throw new KeelsonError('RequestEntityTooLarge', `Request entity is too large: ${why}`);
    }
  } else if (typeof value !== 'object' || Array.isArray(value)) {
    throw badRequest(
      `error decoding patch: json: cannot unmarshal ${Array.isArray(value) ? 'array' : typeof value} into Go value of type map[string]interface {}`,
    );
  }
  return { type, value, faults: isStrict ? faultsOf(type, raw) : [] };
}

const OPERATION_FIELDS = new Set(['from', 'op', 'path', 'value']);

function faultsOf(type: Patch['type'], { value, duplicates }: RawBody): readonly string[] {
  const repeated = duplicates.map((path) => `duplicate field ${JSON.stringify(path)}`);
  if (type !== 'json') return repeated;
  const unknown = (value as readonly unknown[]).flatMap((operation, at) =>
    Object.keys(operation ?? {})
      .filter((field) => !OPERATION_FIELDS.has(field))
      .map((field) => `unknown field ${JSON.stringify(`[${at}].${field}`)}`),
  );
  return [...repeated, ...unknown].map((fault) => `json patch ${fault}`);
}

function patchType(definition: ResourceDefinition, mediaType: string): Patch['type'] {
  if (mediaType === JSON_PATCH) return 'json';
  if (mediaType === MERGE_PATCH) return 'merge';
  const knowsStrategic = definition.schema.mergeKeys !== undefined;
  if (mediaType === STRATEGIC_MERGE_PATCH && knowsStrategic) return 'strategic';
  throw unsupportedMediaType([JSON_PATCH, MERGE_PATCH, ...(knowsStrategic ? [STRATEGIC_MERGE_PATCH] : []), APPLY_PATCH]);
}
