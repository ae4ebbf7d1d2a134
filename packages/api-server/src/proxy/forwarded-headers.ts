import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http';

/** Headers that are about one connection (RFC 9110, 7.6.1), not about what is sent over it. */
const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);
/** What a client shows to the API server is nobody else's business. */
const CREDENTIALS = /^(authorization$|impersonate-|x-remote-)/;
/** Who may use an answer in a browser is for the API server to say. */
const CORS = /^access-control-/;

export interface ForwardedRequest {
  readonly headers: IncomingHttpHeaders;
  /** Where the client is. */
  readonly clientAddress: string | undefined;
  /** The path of the request as the client knows it. */
  readonly path: string;
  /** The protocol that the connection is to be changed to. */
  readonly upgrade: string | undefined;
}

/** What of a request's headers goes to a backend. */
export function requestHeaders({ headers, clientAddress, path, upgrade }: ForwardedRequest): OutgoingHttpHeaders {
  const named = connectionHeaders(headers.connection);
  const kept: OutgoingHttpHeaders = {};
  for (const [name, value] of Object.entries(headers)) {
    if (name.startsWith(':') || name === 'expect' || HOP_BY_HOP.has(name) || named.has(name) || CREDENTIALS.test(name)) continue;
    kept[name] = value;
  }
  kept.host ??= headers[':authority'] as string | undefined;
  const chain = [headers['x-forwarded-for'] ?? [], clientAddress ?? []].flat();
  if (chain.length > 0) kept['x-forwarded-for'] = chain.join(', ');
  kept['x-forwarded-uri'] = path;
  if (headers['transfer-encoding'] !== undefined) kept['transfer-encoding'] = 'chunked';
  if (upgrade !== undefined) Object.assign(kept, { connection: 'Upgrade', upgrade });
  return kept;
}

/** What of an answer's headers goes to the client. */
export function answerHeaders(headers: NodeJS.Dict<string[]>): [name: string, values: string | string[]][] {
  const named = connectionHeaders(headers['connection']?.join(','));
  const kept: [string, string | string[]][] = [];
  for (const [name, values = []] of Object.entries(headers)) {
    if (HOP_BY_HOP.has(name) || named.has(name) || CORS.test(name)) continue;
    kept.push([name, values.length === 1 && values[0] !== undefined ? values[0] : values]);
  }
  return kept;
}

function connectionHeaders(text: string | undefined): ReadonlySet<string> {
  return new Set((text ?? '').split(',').map((name) => name.trim().toLowerCase()));
}
