import { KeelsonError } from '@keelson/base';
import { describe, expect, it } from 'vitest';
import { Deployment } from './generated/apps/v1.ts';
import {
  conflict,
  type ConditionLike,
  controllerReference,
  deepEqual,
  deepFreeze,
  errorOf,
  forbidden,
  keyOf,
  notFound,
  openApiName,
  randomSuffix,
  resourceOf,
  resourceOfKind,
  resourceVersionTooLarge,
  safeHash,
  setCondition,
  statusOf,
} from './index.ts';

describe('objects', () => {
  it('names objects by namespace and name', () => {
    expect(keyOf({ metadata: { name: 'a', namespace: 'n' } })).toBe('n/a');
    expect(keyOf({ metadata: { name: 'a' } })).toBe('a');
  });

  it('makes controller references', () => {
    expect(controllerReference({ metadata: { name: 'web', uid: 'u1' } }, Deployment)).toEqual({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      name: 'web',
      uid: 'u1',
      controller: true,
      blockOwnerDeletion: true,
    });
  });

  it('moves the transition time of a condition only when its status changes', () => {
    const first = setCondition<ConditionLike>(undefined, { type: 'Ready', status: 'False' }, 0);
    const same = setCondition(first, { type: 'Ready', status: 'False', reason: 'Still' }, 5_000);
    const changed = setCondition(same, { type: 'Ready', status: 'True' }, 9_000);

    expect(same).toEqual([{ type: 'Ready', status: 'False', reason: 'Still', lastTransitionTime: '1970-01-01T00:00:00Z' }]);
    expect(changed).toEqual([{ type: 'Ready', status: 'True', lastTransitionTime: '1970-01-01T00:00:09Z' }]);
  });

  it.each([
    [{ a: 1, b: undefined }, { a: 1 }, true],
    [{ a: 1 }, { a: 1, b: undefined }, true],
    [{ a: [1, { b: 2 }] }, { a: [1, { b: 2 }] }, true],
    [{ a: 1 }, { b: 1 }, false],
    [[1], { 0: 1 }, false],
    [null, {}, false],
    [{ a: null }, {}, false],
    [1n, 1n, true],
    [0, -0, true],
    [JSON.parse('{"__proto__":{}}'), { a: 1 }, false],
    [{ a: 1 }, JSON.parse('{"__proto__":{}}'), false],
  ])('compares %o and %o: %s', (a, b, expected) => {
    expect(deepEqual(a, b)).toBe(expected);
  });

  it('freezes all the way down', () => {
    const frozen = deepFreeze({ a: [{ b: 1 }] });

    expect(Object.isFrozen(frozen.a[0])).toBe(true);
  });

  it('makes suffixes and stable hashes in the safe alphabet', () => {
    expect(randomSuffix(5)).toMatch(/^[bcdfghjklmnpqrstvwxz2456789]{5}$/);
    expect(safeHash('a')).toBe(safeHash('a'));
    expect(safeHash('a')).not.toBe(safeHash('b'));
  });
});

describe('Status', () => {
  it('words failures as Kubernetes does', () => {
    const pods = { group: '', resource: 'pods' };
    const deployments = { group: 'apps', resource: 'deployments' };

    expect(statusOf(notFound(pods, 'x'))).toEqual({
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message: 'pods "x" not found',
      reason: 'NotFound',
      details: { name: 'x', kind: 'pods' },
      code: 404,
    });
    expect(notFound(deployments, 'x').message).toBe('deployments.apps "x" not found');
    expect(conflict(pods, 'x').message).toMatch(/^Operation cannot be fulfilled on pods "x": the object has been modified/);
    expect(forbidden(pods, '', 'no').message).toBe('pods is forbidden: no');
    expect(statusOf(resourceVersionTooLarge(9, 5))).toMatchObject({
      code: 504,
      details: { retryAfterSeconds: 1, causes: [{ reason: 'ResourceVersionTooLarge' }] },
    });
    expect(statusOf(new Error('boom'))).toMatchObject({
      code: 500,
      reason: 'InternalError',
      message: 'Internal error occurred: boom',
    });
  });

  it('comes back as the same error', () => {
    const error = errorOf(statusOf(notFound({ group: '', resource: 'pods' }, 'x')));

    expect(error).toBeInstanceOf(KeelsonError);
    expect(error).toMatchObject({ reason: 'NotFound', code: 404, details: { name: 'x' } });
    expect(errorOf({}, 503).reason).toBe('ServiceUnavailable');
  });
});

describe('scheme', () => {
  it('finds resources and names definitions in full', () => {
    expect(resourceOf('apps', 'v1', 'deployments')?.kind).toBe('Deployment');
    expect(resourceOfKind('', 'v1', 'Pod')?.plural).toBe('pods');
    expect(resourceOf('', 'v1', 'toString')).toBeUndefined();
    expect(openApiName('core.v1.Pod')).toBe('io.k8s.api.core.v1.Pod');
    expect(openApiName('meta.v1.ObjectMeta')).toBe('io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta');
  });
});
