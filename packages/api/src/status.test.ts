import { KeelsonError } from '@keelson/base';
import { describe, expect, it } from 'vitest';
import {
  alreadyExists,
  conflict,
  errorOf,
  expired,
  forbidden,
  methodNotAllowed,
  namespaceTerminating,
  notFound,
  resourceVersionTooLarge,
  statusOf,
  stringifyJson,
  tooManyRequests,
} from './index.ts';

const PODS = { group: '', resource: 'pods' };
const DEPLOYMENTS = { group: 'apps', resource: 'deployments' };

describe('errors as Kubernetes words them', () => {
  it.each([
    [notFound(PODS, 'x'), 404, 'NotFound', 'pods "x" not found', { name: 'x', kind: 'pods' }],
    [
      notFound(DEPLOYMENTS, 'x'),
      404,
      'NotFound',
      'deployments.apps "x" not found',
      { name: 'x', group: 'apps', kind: 'deployments' },
    ],
    [alreadyExists(PODS, 'x'), 409, 'AlreadyExists', 'pods "x" already exists', { name: 'x', kind: 'pods' }],
    [
      conflict(PODS, 'x'),
      409,
      'Conflict',
      'Operation cannot be fulfilled on pods "x": the object has been modified; please apply your changes to the latest version and try again',
      { name: 'x', kind: 'pods' },
    ],
    [forbidden(PODS, '', 'no'), 403, 'Forbidden', 'pods is forbidden: no', { kind: 'pods' }],
    [methodNotAllowed(), 405, 'MethodNotAllowed', 'the server does not allow this method on the requested resource', {}],
    [
      namespaceTerminating(PODS, 'x', 'old'),
      403,
      'Forbidden',
      'pods "x" is forbidden: unable to create new content in namespace old because it is being terminated',
      {
        name: 'x',
        kind: 'pods',
        causes: [{ reason: 'NamespaceTerminating', message: 'namespace old is being terminated', field: 'metadata.namespace' }],
      },
    ],
    [
      resourceVersionTooLarge(9, 5),
      504,
      'Timeout',
      'Timeout: Too large resource version: 9, current: 5',
      { retryAfterSeconds: 1, causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }] },
    ],
    [expired(3, 5), 410, 'Expired', 'too old resource version: 3 (5)', undefined],
    [tooManyRequests('slow down', 2), 429, 'TooManyRequests', 'slow down', { retryAfterSeconds: 2 }],
  ])('%o', (...[error, code, reason, message, details]) => {
    expect(statusOf(error)).toEqual({
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message,
      reason,
      ...(details && { details }),
      code,
    });
  });

  it('takes anything else for an internal error', () => {
    expect(statusOf(new Error('boom'))).toMatchObject({
      code: 500,
      reason: 'InternalError',
      message: 'Internal error occurred: boom',
      details: { causes: [{ message: 'boom' }] },
    });
    expect(stringifyJson(statusOf('boom'))).not.toContain('"reason":""');
  });

  it('leaves out the core group', () => {
    const error = new KeelsonError('Invalid', 'm', { details: { group: '', kind: 'Pod' } });

    expect(statusOf(error).details).toStrictEqual({ kind: 'Pod' });
  });
});

describe('errorOf', () => {
  it('is the way back', () => {
    const status = statusOf(namespaceTerminating(PODS, 'x', 'old'));

    expect(statusOf(errorOf(status))).toEqual(status);
  });

  it.each([
    [{ code: 404 }, 'NotFound'],
    [{ code: 409 }, 'Conflict'],
    [{ code: 418 }, 'Unknown'],
    [{ code: 403, reason: 'constructor' }, 'Forbidden'],
  ])('guesses the reason of %o', (status, reason) => {
    expect(errorOf(status).reason).toBe(reason);
  });
});
