import { apiVersionOf, cloneJson, type KubernetesObject } from '@keelson/api';
import { converterOf } from '../../convert/versions.ts';
import type { ResourceDefinition } from '../../registry/resource-definition.ts';
import type { AdmissionRequest } from '../admission.ts';

/** The request of an `AdmissionReview`, but for the objects. */
export interface ReviewRequest {
  readonly uid: string;
  readonly kind: object;
  readonly resource: object;
  readonly subResource?: string;
  readonly requestKind: object;
  readonly requestResource: object;
  readonly requestSubResource?: string;
  readonly name?: string;
  readonly namespace?: string;
  readonly operation: string;
  readonly userInfo: object;
  readonly dryRun: boolean;
  readonly options: unknown;
}

/** What is told of a request that is seen as one of `seen`'s version. */
export function reviewRequest(request: AdmissionRequest, seen: ResourceDefinition): ReviewRequest {
  const { resource, subresource, name, namespace, operation, userInfo, dryRun, options, objectKind } = request;
  const { groups, uid, extra } = userInfo;
  return {
    uid: crypto.randomUUID(),
    // What is connected with is options, whatever they are put to.
    kind: objectKind ?? { group: seen.group, version: seen.version, kind: operation === 'CONNECT' ? request.kind : seen.kind },
    resource: { group: seen.group, version: seen.version, resource: seen.resource },
    ...(subresource !== '' && { subResource: subresource }),
    requestKind: objectKind ?? { group: resource.group, version: resource.version, kind: request.kind },
    requestResource: { group: resource.group, version: resource.version, resource: resource.resource },
    ...(subresource !== '' && { requestSubResource: subresource }),
    ...(name !== '' && { name }),
    ...(namespace !== '' && { namespace }),
    operation,
    userInfo: { username: userInfo.name, ...(uid !== undefined && { uid }), groups: [...groups], ...(extra && { extra }) },
    dryRun,
    options: operation === 'CONNECT' ? null : (options ?? defaultOptions(operation)),
  };
}

function defaultOptions(operation: string): object {
  const kind = operation === 'DELETE' ? 'DeleteOptions' : operation === 'UPDATE' ? 'UpdateOptions' : 'CreateOptions';
  return { kind, apiVersion: 'meta.k8s.io/v1' };
}

/** The objects of a request in the version that it is seen in. What a subresource takes is seen as it is. */
export function objectsSeen(
  { object, oldObject, objectKind }: AdmissionRequest,
  seen: ResourceDefinition,
): Pick<AdmissionRequest, 'oldObject'> & { readonly object: Readonly<KubernetesObject> | undefined } {
  return objectKind ? { object, oldObject } : { object: seenAs(object, seen), oldObject: seenAs(oldObject, seen) };
}

/** An object in the version that it is seen in, with its apiVersion and kind. Nothing of it may be changed. */
export function seenAs(
  object: Readonly<KubernetesObject> | undefined,
  seen: ResourceDefinition,
): Readonly<KubernetesObject> | undefined {
  if (!object) return undefined;
  const converter = converterOf(seen);
  const apiVersion = apiVersionOf(seen);
  if (!converter) return object.apiVersion === apiVersion && object.kind ? object : { ...object, apiVersion, kind: seen.kind };
  return { ...converter.fromStorage(cloneJson(object)), apiVersion, kind: seen.kind };
}
