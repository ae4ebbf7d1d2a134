import { badRequest, conflict, type KubernetesObject } from '@keelson/api';
import { isReason, KeelsonError } from '@keelson/base';
import { appliedObject, type AppliedObject } from '../managed-fields/applied-object.ts';
import { checkPatchOptions } from '../managed-fields/manager-name.ts';
import type { ApiResult } from '../response/api-result.ts';
import { decodeObject, fieldValidationOf } from './body.ts';
import { metaOf, type Call } from './call.ts';
import { readConfiguration } from './configuration.ts';
import { createObject } from './create.ts';
import { MAX_TRIES } from './finish.ts';
import { checkIdentity } from './patched-identity.ts';
import { change, findItem, ownableBy, type Change } from './update.ts';

/** Server-side apply to a part of an object. To an object that is not there, it creates it. */
export async function apply(call: Call, part: Change['part']): Promise<ApiResult> {
  checkPatchOptions(call.request, true);
  const configuration = readConfiguration(call, fieldValidationOf(call));
  const applied = (old: Readonly<KubernetesObject> | undefined): KubernetesObject =>
    decoded(
      call,
      appliedObject(call, { old, configuration, force: call.request.query.flag('force'), ownable: ownableBy(call, part) }),
    );
  const update = (): Promise<ApiResult> => change(call, { part, isTracked: true, next: applied });
  if (part !== 'main') return update();
  return createOrUpdate(call, update, () => createApplied(call, applied(undefined)));
}

/** What is merged is checked and brought into its form by the schema, as a body is. */
function decoded(call: Call, { object, live, managedFields }: AppliedObject): KubernetesObject {
  const result = decodeObject(call, { value: object, duplicates: [], known: live }, 'Ignore');
  checkIdentity(call, result);
  if (managedFields) metaOf(result).managedFields = managedFields;
  return result;
}

/** Others may create or delete the object at the same time: then it is looked at again. */
async function createOrUpdate(
  call: Call,
  update: () => Promise<ApiResult>,
  create: () => Promise<ApiResult>,
): Promise<ApiResult> {
  for (let tries = 1; tries < MAX_TRIES; tries += 1) {
    try {
      return await ((await findItem(call)) ? update() : create());
    } catch (error) {
      if (!isReason(error, 'NotFound') && !isReason(error, 'AlreadyExists')) throw error;
      if (!isAbout(call, error)) throw error;
    }
  }
  throw new KeelsonError('Conflict', `Cannot apply "${call.name}": too much changes at the same time`);
}

/** A namespace that is not there is nothing to wait for. */
function isAbout({ definition, name }: Call, { details }: KeelsonError): boolean {
  return details?.kind === definition.resource && details.name === name;
}

async function createApplied(call: Call, object: KubernetesObject): Promise<ApiResult> {
  const { uid, resourceVersion } = metaOf(object);
  if (uid) {
    const why = `uid mismatch: the provided object specified uid ${uid}, and no existing object was found`;
    throw conflict(call.definition, call.name, why);
  }
  if (resourceVersion) throw conflict(call.definition, call.name);
  if (call.name === '') throw badRequest('name must be provided');
  await call.authorize('create');
  return createObject(call, object, true);
}
