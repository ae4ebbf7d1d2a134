import { GrpcError, type GrpcCode } from '@keelson/grpc';
import { describe, expect, it } from 'vitest';
import { remedyOf, storeError } from './failures.ts';

interface Case {
  readonly code: GrpcCode;
  readonly message: string;
  readonly sent?: boolean;
  readonly read: string;
  readonly write: string;
  readonly readReason: string;
  readonly writeReason: string;
}

const unavailable = { readReason: 'ServiceUnavailable', writeReason: 'ServiceUnavailable' };
const unknown = { write: 'none', writeReason: 'Timeout' };
const cases: readonly Case[] = [
  {
    code: 'UNAVAILABLE',
    message: 'Cannot connect',
    sent: false,
    read: 'another member',
    write: 'another member',
    ...unavailable,
  },
  { code: 'UNAVAILABLE', message: 'etcdserver: no leader', read: 'another member', write: 'another member', ...unavailable },
  {
    code: 'RESOURCE_EXHAUSTED',
    message: 'etcdserver: too many requests',
    read: 'another member',
    write: 'another member',
    ...unavailable,
  },
  { code: 'UNAVAILABLE', message: 'The call broke off', read: 'another member', ...unknown, readReason: 'ServiceUnavailable' },
  {
    code: 'UNAVAILABLE',
    message: 'etcdserver: request timed out',
    read: 'another member',
    ...unknown,
    readReason: 'ServiceUnavailable',
  },
  {
    code: 'UNAVAILABLE',
    message: 'etcdserver: leader changed',
    read: 'another member',
    ...unknown,
    readReason: 'ServiceUnavailable',
  },
  { code: 'DEADLINE_EXCEEDED', message: 'No answer', read: 'another member', ...unknown, readReason: 'Timeout' },
  { code: 'UNKNOWN', message: 'what is this', read: 'another member', ...unknown, readReason: 'ServiceUnavailable' },
  { code: 'INTERNAL', message: 'broken', read: 'none', ...unknown, readReason: 'ServiceUnavailable' },
  {
    code: 'UNAUTHENTICATED',
    message: 'etcdserver: invalid auth token',
    read: 'another token',
    write: 'another token',
    ...unavailable,
  },
  {
    code: 'INVALID_ARGUMENT',
    message: 'etcdserver: auth: revision in header is old',
    read: 'another token',
    write: 'another token',
    ...unavailable,
  },
  { code: 'PERMISSION_DENIED', message: 'etcdserver: permission denied', read: 'none', write: 'none', ...unavailable },
  {
    code: 'RESOURCE_EXHAUSTED',
    message: 'etcdserver: mvcc: database space exceeded',
    read: 'none',
    write: 'none',
    ...unavailable,
  },
  {
    code: 'OUT_OF_RANGE',
    message: 'etcdserver: mvcc: required revision has been compacted',
    read: 'none',
    write: 'none',
    readReason: 'Expired',
    writeReason: 'Expired',
  },
  {
    code: 'OUT_OF_RANGE',
    message: 'etcdserver: mvcc: required revision is a future revision',
    read: 'none',
    write: 'none',
    readReason: 'Timeout',
    writeReason: 'Timeout',
  },
  {
    code: 'INVALID_ARGUMENT',
    message: 'etcdserver: request is too large',
    read: 'none',
    write: 'none',
    readReason: 'RequestEntityTooLarge',
    writeReason: 'RequestEntityTooLarge',
  },
  {
    code: 'RESOURCE_EXHAUSTED',
    message: 'grpc: received message larger than max (9 vs. 2)',
    read: 'none',
    write: 'none',
    readReason: 'RequestEntityTooLarge',
    writeReason: 'RequestEntityTooLarge',
  },
];

describe('what is done about a failure', () => {
  it.each(cases)('$code "$message"', ({ code, message, sent = true, ...want }) => {
    const error = new GrpcError(code, message, { sent });

    expect({
      read: remedyOf(error, true),
      write: remedyOf(error, false),
      readReason: storeError('read', error).reason,
      writeReason: storeError('write', error, { writes: true }).reason,
    }).toEqual(want);
  });
});
