import { KeelsonError } from '@keelson/base';
import type { Authorizer } from '../auth/contracts.ts';
import type { ApiRequest } from '../request/api-request.ts';
import type { RequestInfo } from '../request/request-info.ts';
import { authorizedName, selectedFields } from './verb.ts';

/** Rejects with `Forbidden` unless the caller may do this to the resource. */
export async function authorizeResource(
  authorizer: Authorizer,
  request: ApiRequest,
  { info, verb }: { info: RequestInfo; verb: string },
): Promise<void> {
  const { group, version, resource, subresource, namespace } = info;
  const fields = selectedFields(request, info);
  const name = authorizedName(info, fields);
  // A namespace is authorized as if it were in itself, so that a role in it can allow to read it.
  const scope = group === '' && resource === 'namespaces' ? (namespace ?? name) : namespace;
  const attributes = {
    user: request.user,
    verb,
    resource: { group, version, resource, subresource, namespace: scope, name, fields },
  };
  const { allowed, reason } = await authorizer.authorize(attributes);
  if (allowed) return;
  const full = subresource === undefined ? resource : `${resource}/${subresource}`;
  const where = scope === undefined ? 'at the cluster scope' : `in the namespace "${scope}"`;
  const subject = subjectOf(group, resource, name);
  const what = `User "${request.user.name}" cannot ${verb} resource "${full}" in API group "${group}" ${where}`;
  throw new KeelsonError(
    'Forbidden',
    `${subject} is forbidden: ${what}${reason === undefined || reason === '' ? '' : `: ${reason}`}`,
    {
      details: { ...(name !== undefined && { name }), ...(group !== '' && { group }), kind: resource },
    },
  );
}

function subjectOf(group: string, resource: string, name: string | undefined): string {
  const qualified = group === '' ? resource : `${resource}.${group}`;
  return name === undefined ? qualified : `${qualified} "${name}"`;
}

/** Rejects with `Forbidden` unless the caller may use the path, which names no resource. */
export async function authorizePath(authorizer: Authorizer, request: ApiRequest): Promise<void> {
  const verb = request.method.toLowerCase();
  const { allowed, reason } = await authorizer.authorize({ user: request.user, verb, path: request.path });
  if (allowed) return;
  const why = reason === undefined || reason === '' ? '' : `: ${reason}`;
  throw new KeelsonError('Forbidden', `forbidden: User "${request.user.name}" cannot ${verb} path "${request.path}"${why}`, {
    details: {},
  });
}
