import type { IncomingHttpHeaders } from 'node:http';
import { badRequest } from '@keelson/api';
import { KeelsonError } from '@keelson/base';
import type { UserInfo } from '../registry/strategy.ts';
import { ANONYMOUS, authenticated } from './authenticators.ts';
import type { AuthorizationAttributes, Authorizer } from './contracts.ts';

const EXTRA = 'impersonate-extra-';
const SERVICE_ACCOUNT = /^system:serviceaccount:([^:]+):([^:]+)$/;

type Target = NonNullable<AuthorizationAttributes['resource']>;

/**
 * Who a request is made as: whom its `Impersonate-*` headers name, if `user` may act as them, and otherwise `user`
 * (kubernetes.io: authentication, user impersonation). Rejects with `Forbidden`, or `BadRequest` for headers that name no user.
 */
export async function impersonated(
  user: UserInfo,
  headers: IncomingHttpHeaders,
  authorizer: Authorizer | undefined,
): Promise<UserInfo> {
  const name = textOf(headers['impersonate-user']);
  if (name === undefined) {
    if (headers['impersonate-group'] === undefined && headers['impersonate-uid'] === undefined) return user;
    throw badRequest('requested to impersonate groups, a UID or extra values without impersonating a user');
  }
  const groups = listOf(headers['impersonate-group']);
  const uid = textOf(headers['impersonate-uid']);
  const extra = extraOf(headers);
  for (const target of targetsOf({ name, groups, uid, extra })) await check(user, target, authorizer);
  const made = { name, groups: groups.length > 0 ? groups : groupsOf(name), ...(uid !== undefined && { uid }), extra };
  return name === ANONYMOUS.name ? { ...made, groups: [...new Set([...made.groups, ...ANONYMOUS.groups])] } : authenticated(made);
}

type Asked = {
  readonly name: string;
  readonly groups: readonly string[];
  readonly uid: string | undefined;
  readonly extra: Readonly<Record<string, readonly string[]>>;
};

/** What the caller has to have the verb `impersonate` for. */
function* targetsOf({ name, groups, uid, extra }: Asked): Iterable<Target> {
  const account = SERVICE_ACCOUNT.exec(name);
  if (account) yield { group: '', version: 'v1', resource: 'serviceaccounts', namespace: account[1], name: account[2] };
  else yield { group: '', version: 'v1', resource: 'users', name };
  for (const group of groups) yield { group: '', version: 'v1', resource: 'groups', name: group };
  const other = { group: 'authentication.k8s.io', version: 'v1' };
  if (uid !== undefined) yield { ...other, resource: 'uids', name: uid };
  for (const [key, values] of Object.entries(extra)) {
    for (const value of values) yield { ...other, resource: 'userextras', subresource: key, name: value };
  }
}

async function check(user: UserInfo, target: Target, authorizer: Authorizer | undefined): Promise<void> {
  const decision = await authorizer?.authorize({ user, verb: 'impersonate', resource: target });
  if (!decision || decision.allowed) return;
  const { group, resource, subresource, namespace, name } = target;
  const full = subresource === undefined ? resource : `${resource}/${subresource}`;
  const where = namespace === undefined ? 'at the cluster scope' : `in the namespace "${namespace}"`;
  const kind = group === '' ? full : `${full}.${group}`;
  throw new KeelsonError(
    'Forbidden',
    `${kind} "${name}" is forbidden: User "${user.name}" cannot impersonate resource "${full}" in API group "${group}" ${where}`,
    { details: { ...(name !== undefined && { name }), ...(group !== '' && { group }), kind: resource } },
  );
}

function groupsOf(name: string): readonly string[] {
  const account = SERVICE_ACCOUNT.exec(name);
  return account ? ['system:serviceaccounts', `system:serviceaccounts:${account[1]}`] : [];
}

function extraOf(headers: IncomingHttpHeaders): Record<string, readonly string[]> {
  const extra: [string, readonly string[]][] = [];
  for (const [header, value] of Object.entries(headers)) {
    if (header.startsWith(EXTRA)) extra.push([keyOf(header.slice(EXTRA.length)), listOf(value)]);
  }
  return Object.fromEntries(extra);
}

/** Keys may hold what headers may not; then they are percent-encoded. */
function keyOf(text: string): string {
  try {
    return decodeURIComponent(text).toLowerCase();
  } catch {
    return text;
  }
}

function textOf(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value;
}

/** Node joins what was sent in several headers. */
function listOf(value: string | string[] | undefined): readonly string[] {
  return (Array.isArray(value) ? value : (value ?? '').split(', ')).filter((text) => text !== '');
}
