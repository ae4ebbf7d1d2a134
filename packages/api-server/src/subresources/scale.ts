import {
  apiVersionOf,
  badRequest,
  cloneJson,
  internalError,
  type KubernetesObject,
  labelSelectorFrom,
  notFound,
} from '@keelson/api';
import type { KeelsonError } from '@keelson/base';
import type { LabelSelector } from '@keelson/api/meta/v1';
import type { Scale } from '@keelson/api/autoscaling/v1';
import { appliedScale } from '../managed-fields/applied-scale.ts';
import { checkManagerOptions, checkPatchOptions } from '../managed-fields/manager-name.ts';
import { managedFieldsOf, storedOwners } from '../managed-fields/owners.ts';
import { ownersOfScaled, scaleOwners } from '../managed-fields/scale-owners.ts';
import type { ScalePaths } from '../registry/resource-definition.ts';
import type { ApiResult } from '../response/api-result.ts';
import { invalid } from '../validation/field-error.ts';
import { decodeAs, fieldValidationOf, parseBody, type RawBody } from '../verbs/body.ts';
import { metaOf, type Call } from '../verbs/call.ts';
import { readConfiguration } from '../verbs/configuration.ts';
import { patchFault } from '../verbs/patch-fault.ts';
import { applyPatch, isApply, readPatch } from '../verbs/patch.ts';
import { change } from '../verbs/update.ts';
import { setAt, valueAt } from './scale-paths.ts';

const KIND = { group: 'autoscaling', version: 'v1', kind: 'Scale' };

/** Where built-in kinds have them; their selectors are no texts. */
const BUILTIN: ScalePaths = { specReplicasPath: '.spec.replicas', statusReplicasPath: '.status.replicas' };

/** GET, PUT and PATCH of `/scale`. */
export async function serveScale(call: Call, verb: string): Promise<ApiResult> {
  if (verb === 'get') {
    const item = await call.storage.current(call.namespace, call.name);
    if (!item) throw notFound(call.definition, call.name);
    return { type: 'value', status: 200, value: scaleOf(call, item.object()) };
  }
  const result = await (verb === 'patch' && isApply(call) ? applyScale(call) : changeScale(call, verb));
  const object = result.type === 'object' ? result.item.object() : result.type === 'value' ? result.value : {};
  return { type: 'value', status: 200, value: scaleOf(call, object as KubernetesObject) };
}

async function changeScale(call: Call, verb: string): Promise<ApiResult> {
  const wanted = verb === 'patch' ? patchedScale(call) : bodyScale(call);
  return change(call, { part: 'main', next: (old) => scaled(call, old, wanted(scaleOf(call, old))) });
}

/** The object with the replicas of its Scale. */
function scaled(call: Call, old: Readonly<KubernetesObject>, scale: Scale): KubernetesObject {
  check(call, scale);
  const next = cloneJson(old);
  setAt(next, (call.definition.scale ?? BUILTIN).specReplicasPath, scale.spec?.replicas ?? 0);
  const { resourceVersion, uid } = scale.metadata ?? {};
  if (resourceVersion) metaOf(next).resourceVersion = resourceVersion;
  if (uid) metaOf(next).uid = uid;
  return next;
}

/** Server-side apply of a Scale: who owns its replicas owns those of the object, and the other way round. */
async function applyScale(call: Call): Promise<ApiResult> {
  checkPatchOptions(call.request, true);
  const configuration = readConfiguration(call, fieldValidationOf(call));
  const next = (old: Readonly<KubernetesObject>): KubernetesObject => {
    const owners = storedOwners(old.metadata?.managedFields);
    const applied = appliedScale(call, { live: scaleOf(call, old), owners: scaleOwners(owners), configuration });
    const object = scaled(call, old, decodeScale(call, { value: applied.object, duplicates: [] }));
    metaOf(object).managedFields = managedFieldsOf(ownersOfScaled(owners, applied.owners, apiVersionOf(call.definition)));
    return object;
  };
  return change(call, { part: 'main', isTracked: true, next });
}

function bodyScale(call: Call): (now: Scale) => Scale {
  checkManagerOptions(call.request, 'UpdateOptions');
  const validation = fieldValidationOf(call);
  const raw = parseBody(call.request.body, validation !== 'Ignore');
  if (raw.value === undefined) throw badRequest('EOF');
  const scale = decodeScale(call, raw);
  return () => scale;
}

function patchedScale(call: Call): (now: Scale) => Scale {
  const wanted = readPatch(call);
  return (now) => {
    const patched = applyPatch(wanted, now, 'autoscaling.v1.Scale');
    return decodeScale(call, { value: patched, duplicates: [] }, (why) => patchFault(wanted, patched, why));
  };
}

function decodeScale(call: Call, raw: RawBody, refuse?: (why: string) => KeelsonError): Scale {
  const options = { raw, validation: fieldValidationOf(call), warn: call.warn, kind: KIND, ...(refuse && { refuse }) };
  return decodeAs('autoscaling.v1.Scale', options) as Scale;
}

function check(call: Call, scale: Scale): void {
  const name = scale.metadata?.name;
  if (name && name !== call.name) {
    throw badRequest(`the name of the object (${name}) does not match the name on the URL (${call.name})`);
  }
  const replicas = scale.spec?.replicas ?? 0;
  if (replicas >= 0) return;
  const message = `Invalid value: ${replicas}: must be greater than or equal to 0`;
  throw invalid({ ...KIND, name: call.name }, [{ type: 'FieldValueInvalid', field: 'spec.replicas', message }]);
}

function scaleOf({ definition }: Call, object: Readonly<KubernetesObject>): Scale {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata ?? {};
  const { specReplicasPath, statusReplicasPath } = definition.scale ?? BUILTIN;
  const replicas = valueAt(object, specReplicasPath);
  if (replicas === undefined && definition.scale) {
    throw internalError(`the spec replicas field ${JSON.stringify(specReplicasPath)} does not exist`);
  }
  const selector = selectorOf(object, definition.scale);
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: { name, namespace, uid, resourceVersion, creationTimestamp },
    spec: { replicas: Number(replicas ?? 0) },
    status: { replicas: Number(valueAt(object, statusReplicasPath) ?? 0), ...(selector !== '' && { selector }) },
  } as Scale;
}

/** Custom kinds have it as a text, if they say where. */
function selectorOf(object: Readonly<KubernetesObject>, scale: ScalePaths | undefined): string {
  if (!scale) return selectorText((object as { spec?: { selector?: LabelSelector } }).spec?.selector);
  const { labelSelectorPath: path } = scale;
  const value = path === undefined || path === '' ? undefined : valueAt(object, path);
  return typeof value === 'string' ? value : '';
}

/** A replication controller has a plain map of labels. */
function selectorText(selector: LabelSelector | Record<string, string> | undefined): string {
  if (!selector) return '';
  const isLabelSelector = 'matchLabels' in selector || 'matchExpressions' in selector;
  const full = isLabelSelector ? (selector as LabelSelector) : { matchLabels: selector as Record<string, string> };
  return labelSelectorFrom(full).toString();
}
