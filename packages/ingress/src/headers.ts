import { randomUUID } from 'node:crypto';
import { headerOf, type Exchange, type HeaderPairs } from './clients/exchange.ts';

/** For one connection only, by RFC 9110, 7.6.1. `Expect` was answered when the request came. */
const HOP_BY_HOP = new Set(
  'connection keep-alive proxy-connection proxy-authenticate transfer-encoding te upgrade http2-settings expect'.split(' '),
);
/** Set here, so that backends may believe them. */
const OURS = new Set('host x-forwarded-for x-forwarded-host x-forwarded-proto x-forwarded-port x-real-ip forwarded'.split(' '));

export interface ForwardingOptions {
  /** Whether what clients say of whom they ask for is passed on: only behind another proxy. */
  readonly trustForwarded: boolean;
}

/** What of a message may go on to the next connection. */
export function endToEnd(headers: HeaderPairs): HeaderPairs {
  const dropped = droppedFrom(headers);
  return headers.filter(([name]) => !dropped.has(name.toLowerCase()));
}

/** Headers for one connection only: those that always are, and those that the message says are. */
function droppedFrom(headers: HeaderPairs): ReadonlySet<string> {
  let dropped: ReadonlySet<string> = HOP_BY_HOP;
  for (const [name, value] of headers) {
    // Mostly it is nothing that is not dropped anyway.
    if (name.toLowerCase() !== 'connection' || /^(?:keep-alive|close)$/i.test(value)) continue;
    const named = value.split(',').map((each) => each.trim().toLowerCase());
    dropped = new Set([...dropped, ...named]);
  }
  return dropped;
}

/** Hot path: the headers of a request as a backend gets them. */
export function forwardedHeaders(exchange: Exchange, { trustForwarded }: ForwardingOptions): HeaderPairs {
  const dropped = droppedFrom(exchange.headers);
  const sent: (readonly [string, string])[] = [['Host', exchange.authority]];
  const cookies: string[] = [];
  let hasId = false;
  for (const pair of exchange.headers) {
    const key = pair[0].toLowerCase();
    if (dropped.has(key) || OURS.has(key)) continue;
    // HTTP/2 sends a cookie in pieces; with HTTP/1 it is one.
    if (key === 'cookie') cookies.push(pair[1]);
    else sent.push(pair);
    hasId ||= key === 'x-request-id';
  }
  if (cookies.length > 0) sent.push(['Cookie', cookies.join('; ')]);
  sent.push(...aboutClient(exchange, trustForwarded));
  if (!hasId) sent.push(['X-Request-ID', randomUUID()]);
  return sent;
}

function aboutClient(exchange: Exchange, trustForwarded: boolean): HeaderPairs {
  const { headers, remoteAddress, authority, isEncrypted } = exchange;
  const said = (name: string): string | undefined => (trustForwarded ? headerOf(headers, name) : undefined);
  const before = trustForwarded
    ? headers.filter(([name]) => name.toLowerCase() === 'x-forwarded-for').map(([, value]) => value)
    : [];
  const scheme = isEncrypted ? 'https' : 'http';
  const port = /:(\d+)$/.exec(authority)?.[1] ?? (isEncrypted ? '443' : '80');
  return [
    ['X-Real-IP', said('x-real-ip') ?? remoteAddress],
    ['X-Forwarded-For', [...before, remoteAddress].join(', ')],
    ['X-Forwarded-Host', said('x-forwarded-host') ?? authority],
    ['X-Forwarded-Port', said('x-forwarded-port') ?? port],
    ['X-Forwarded-Proto', said('x-forwarded-proto') ?? scheme],
  ];
}

/** The name that routes are looked up by: in lower case, without port and dot at the end. Undefined if it is none. */
export function hostOf(authority: string): string | undefined {
  const host = /^(\[[\da-f:.]+\]|[^:@/?#\s\\]+)(:\d+)?$/i.exec(authority)?.[1];
  return host?.toLowerCase().replace(/\.$/, '');
}
