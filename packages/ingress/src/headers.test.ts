import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import type { Exchange, HeaderPairs } from './clients/exchange.ts';
import { endToEnd, forwardedHeaders, hostOf } from './headers.ts';

function exchange(headers: HeaderPairs, overrides: Partial<Exchange> = {}): Exchange {
  return {
    method: 'GET',
    authority: 'shop.example:8443',
    target: '/',
    headers,
    protocol: 'HTTP/1.1',
    isEncrypted: true,
    remoteAddress: '192.0.2.7',
    hasBody: false,
    body: new PassThrough(),
    respond: () => new PassThrough(),
    abort: () => undefined,
    onClose: () => undefined,
    ...overrides,
  };
}

const CLAIMS: HeaderPairs = [
  ['X-Forwarded-For', '1.2.3.4'],
  ['x-forwarded-proto', 'gopher'],
  ['X-Real-IP', '1.2.3.4'],
  ['X-Request-Id', 'mine'],
];

describe('forwardedHeaders', () => {
  it('says who asks for what, and does not believe what clients say of that', () => {
    expect(forwardedHeaders(exchange([['Host', 'other'], ['Accept', '*/*'], ...CLAIMS]), { trustForwarded: false })).toEqual([
      ['Host', 'shop.example:8443'],
      ['Accept', '*/*'],
      ['X-Request-Id', 'mine'],
      ['X-Real-IP', '192.0.2.7'],
      ['X-Forwarded-For', '192.0.2.7'],
      ['X-Forwarded-Host', 'shop.example:8443'],
      ['X-Forwarded-Port', '8443'],
      ['X-Forwarded-Proto', 'https'],
    ]);
  });

  it('adds to what a trusted proxy says', () => {
    expect(Object.fromEntries(forwardedHeaders(exchange(CLAIMS), { trustForwarded: true }))).toMatchObject({
      'X-Forwarded-For': '1.2.3.4, 192.0.2.7',
      'X-Forwarded-Proto': 'gopher',
      'X-Real-IP': '1.2.3.4',
    });
  });

  it('joins the pieces of a cookie, and gives requests an id', () => {
    const headers = Object.fromEntries(
      forwardedHeaders(
        exchange([
          ['cookie', 'a=1'],
          ['cookie', 'b=2'],
        ]),
        { trustForwarded: false },
      ),
    );

    expect(headers).toMatchObject({ Cookie: 'a=1; b=2', 'X-Request-ID': expect.stringMatching(/^[\da-f-]{36}$/) });
  });
});

describe('endToEnd', () => {
  it('drops what is for one connection, and what it names', () => {
    const headers: HeaderPairs = [
      ['Connection', 'close, X-Mine'],
      ['x-mine', '1'],
      ['Keep-Alive', 'timeout=5'],
      ['Transfer-Encoding', 'chunked'],
      ['Set-Cookie', 'a=1'],
      ['Set-Cookie', 'b=2'],
    ];

    expect(endToEnd(headers)).toEqual([
      ['Set-Cookie', 'a=1'],
      ['Set-Cookie', 'b=2'],
    ]);
  });
});

describe('hostOf', () => {
  it.each([
    ['Shop.Example:8443', 'shop.example'],
    ['shop.example.', 'shop.example'],
    ['[::1]:80', '[::1]'],
    ['', undefined],
    ['a b', undefined],
    ['user@host', undefined],
    ['host/path', undefined],
    ['host:port', undefined],
  ])('%s: %s', (authority, host) => {
    expect(hostOf(authority)).toBe(host);
  });
});
