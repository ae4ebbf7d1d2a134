import { KeelsonError } from '@keelson/base';
import type { PullCredentials } from '@keelson/runtime';

/** How a registry wants to be told who asks. */
export interface Challenge {
  readonly scheme: 'basic' | 'bearer';
  readonly parameters: Readonly<Record<string, string>>;
}

/** Of a `WWW-Authenticate` header; `undefined` for a scheme that is not spoken. */
export function challengeOf(header: string): Challenge | undefined {
  const [, scheme = '', rest = ''] = /^(\w+)\s*(.*)$/s.exec(header.trim()) ?? [];
  const parameters = Object.fromEntries(
    [...rest.matchAll(/([\w-]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s,]+))/g)].map(([, name = '', quoted, plain]) => [
      name.toLowerCase(),
      quoted?.replaceAll(/\\(.)/g, '$1') ?? plain ?? '',
    ]),
  );
  const lower = scheme.toLowerCase();
  return lower === 'basic' || lower === 'bearer' ? { scheme: lower, parameters } : undefined;
}

export interface AuthorizationRequest {
  readonly challenge: Challenge;
  readonly repository: string;
  readonly credentials: PullCredentials | undefined;
}

/** The value of the `Authorization` header that answers a challenge; a bearer token comes from where the challenge says. */
export async function authorizationFor(
  { challenge, repository, credentials }: AuthorizationRequest,
  signal?: AbortSignal,
): Promise<string> {
  if (challenge.scheme === 'basic') {
    if (!credentials) throw new KeelsonError('Forbidden', `pull access denied for ${repository}: no basic auth credentials`);
    return basic(credentials);
  }
  const { realm = '', service, scope = `repository:${repository}:pull` } = challenge.parameters;
  const url = URL.parse(realm);
  if (!url) throw new KeelsonError('ServiceUnavailable', `The registry names no place to get a token: "${realm}"`);
  if (service !== undefined) url.searchParams.set('service', service);
  url.searchParams.set('scope', scope);
  const headers: Record<string, string> = credentials ? { authorization: basic(credentials) } : {};
  const response = await fetch(url, { headers, ...(signal && { signal }) }).catch((cause: unknown) => {
    signal?.throwIfAborted();
    throw new KeelsonError('ServiceUnavailable', `failed to fetch a token from "${url.origin}"`, { cause });
  });
  if (response.status === 401 || response.status === 403)
    throw new KeelsonError('Forbidden', `failed to authorize: failed to fetch a token for ${repository}: ${response.status}`);
  if (!response.ok)
    throw new KeelsonError('ServiceUnavailable', `failed to fetch a token from "${url.origin}": status ${response.status}`);
  const { token, access_token: accessToken } = (await response.json()) as {
    readonly token?: string;
    readonly access_token?: string;
  };
  const bearer = token ?? accessToken;
  if (bearer === undefined) throw new KeelsonError('ServiceUnavailable', `"${url.origin}" gave no token`);
  return `Bearer ${bearer}`;
}

function basic({ username, password }: PullCredentials): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}
