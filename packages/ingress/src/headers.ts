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
  const named = headers.flatMap(([name, value]) => (name.toLowerCase() === 'connection' ? value.toLowerCase().split(',') : []));
  const dropped = named.length > 0 ? new Set([...HOP_BY_HOP, ...named.map((name) => name.trim())]) : HOP_BY_HOP;
  return headers.filter(([name]) => !dropped.has(name.toLowerCase()));
}

/** The headers of a request as a backend gets them. */
export function forwardedHeaders(exchange: Exchange, { trustForwarded }: ForwardingOptions): HeaderPairs {
  const kept = endToEnd(exchange.headers).filter(([name]) => {
    const key = name.toLowerCase();
    // HTTP/2 sends a cookie in pieces; with HTTP/1 it is one.
    return !OURS.has(key) && key !== 'cookie';
  });
  const cookies = exchange.headers.filter(([name]) => name.toLowerCase() === 'cookie').map(([, value]) => value);
  return [
    ['Host', exchange.authority],
    ...kept,
    ...(cookies.length > 0 ? [['Cookie', cookies.join('; ')] as const] : []),
    ...aboutClient(exchange, trustForwarded),
    ...(headerOf(kept, 'x-request-id') === undefined ? [['X-Request-ID', randomUUID()] as const] : []),
  ];
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
