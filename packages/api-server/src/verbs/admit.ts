import { apiVersionOf, type KubernetesObject } from '@keelson/api';
import type { AdmissionOperation, AdmissionRequest } from '../admission/admission.ts';
import { Reinvocation } from '../admission/reinvocation.ts';
import { settleAfterAdmission } from '../managed-fields/track.ts';
import type { Call } from './call.ts';

export interface Admitted {
  readonly operation: AdmissionOperation;
  readonly object: KubernetesObject | undefined;
  readonly old: KubernetesObject | undefined;
  readonly options?: unknown;
}

/** Runs all mutators and gives the object that comes out. They run once more if one of them says so. */
export async function mutate(call: Call, admitted: Admitted & { readonly object: KubernetesObject }): Promise<KubernetesObject> {
  const { managedFields } = admitted.object.metadata ?? {};
  const reinvocation = new Reinvocation();
  let object = await mutateOnce(call, admitted, reinvocation);
  if (reinvocation.isNeeded) {
    reinvocation.begin();
    object = await mutateOnce(call, { ...admitted, object }, reinvocation);
  }
  settleAfterAdmission(call, object, managedFields);
  return object;
}

async function mutateOnce(
  call: Call,
  admitted: Admitted & { readonly object: KubernetesObject },
  reinvocation: Reinvocation,
): Promise<KubernetesObject> {
  let request = { ...requestOf(call, admitted), object: admitted.object, reinvocation };
  for (const mutator of call.services.mutators) {
    const object = await mutator.mutate(request);
    if (object !== request.object) request = { ...request, object };
  }
  return request.object;
}

/** Runs all validators, then those that count. */
export async function judge(call: Call, admitted: Admitted): Promise<void> {
  const { validators, counters } = call.services;
  if (validators.length + counters.length === 0) return;
  const request = requestOf(call, admitted);
  for (const validator of validators) await validator.validate(request);
  for (const counter of counters) await counter.validate(request);
}

/** Runs all validators over what a subresource is given to make, such as an eviction. It cannot be changed by admission. */
export async function judgeGiven(call: Call, given: KubernetesObject, objectKind: ObjectKind): Promise<void> {
  const object = { ...given, apiVersion: apiVersionOf(objectKind), kind: objectKind.kind };
  const request = { ...requestOf(call, { operation: 'CREATE', object, old: undefined }), kind: objectKind.kind, objectKind };
  for (const validator of call.services.validators) await validator.validate(request);
}

type ObjectKind = NonNullable<AdmissionRequest['objectKind']>;

function requestOf(call: Call, { operation, object, old, options }: Admitted): AdmissionRequest {
  const { definition, info, user, dryRun, warn } = call;
  const { group, version, resource } = definition;
  const meta = object?.metadata ?? old?.metadata;
  return {
    operation,
    resource: { group, version, resource },
    kind: definition.kind,
    subresource: info.subresource ?? '',
    name: meta?.name ?? call.name,
    namespace: meta?.namespace ?? call.namespace ?? '',
    object,
    oldObject: old,
    options,
    userInfo: user,
    dryRun,
    warn,
  };
}
