import { ManualClock } from '@keelson/base/testing';
import { describe, expect, it } from 'vitest';
import type { Authorizer } from '../auth/contracts.ts';
import { HttpsServer, type Sent } from '../test-support/https-server.ts';

const MAPS = '/api/v1/namespaces/default/configmaps';
const DEPLOYMENTS = '/apis/apps/v1/namespaces/default/deployments';
const MEDIA_TYPES = 'application/json, application/yaml, application/vnd.kubernetes.protobuf';
const MIB = 1024 * 1024;

/** Nobody may touch secrets, or read metrics. */
const authorizer: Authorizer = {
  authorize: async ({ resource, path }) => ({ allowed: resource?.resource !== 'secrets' && path !== '/metrics' }),
};

interface Case {
  readonly title: string;
  readonly path: string;
  readonly sent?: Sent & { readonly value?: unknown };
  readonly body: { readonly code: number; readonly [field: string]: unknown };
}

const cases: readonly Case[] = [
  {
    title: 'credentials that nobody knows',
    path: MAPS,
    sent: { headers: { authorization: 'Bearer wrong' } },
    body: { message: 'Unauthorized', reason: 'Unauthorized', code: 401 },
  },
  {
    title: 'an object that one may not read, there or not',
    path: '/api/v1/namespaces/default/secrets/none',
    body: {
      message:
        'secrets "none" is forbidden: User "tester" cannot get resource "secrets" in API group "" in the namespace "default"',
      reason: 'Forbidden',
      details: { name: 'none', kind: 'secrets' },
      code: 403,
    },
  },
  {
    title: 'objects of all namespaces that one may not read',
    path: '/api/v1/secrets',
    body: {
      message: 'secrets is forbidden: User "tester" cannot list resource "secrets" in API group "" at the cluster scope',
      reason: 'Forbidden',
      details: { kind: 'secrets' },
      code: 403,
    },
  },
  {
    title: 'a path that one may not read',
    path: '/metrics',
    body: { message: 'forbidden: User "tester" cannot get path "/metrics"', reason: 'Forbidden', details: {}, code: 403 },
  },
  {
    title: 'an object that is not there',
    path: `${MAPS}/none`,
    body: {
      message: 'configmaps "none" not found',
      reason: 'NotFound',
      details: { name: 'none', kind: 'configmaps' },
      code: 404,
    },
  },
  {
    title: 'an object of a group that is not there',
    path: `${DEPLOYMENTS}/none`,
    body: {
      message: 'deployments.apps "none" not found',
      reason: 'NotFound',
      details: { name: 'none', group: 'apps', kind: 'deployments' },
      code: 404,
    },
  },
  {
    title: 'a namespace that is not there',
    path: '/api/v1/namespaces/none/configmaps',
    sent: { method: 'POST', value: { metadata: { name: 'a' } } },
    body: {
      message: 'namespaces "none" not found',
      reason: 'NotFound',
      details: { name: 'none', kind: 'namespaces' },
      code: 404,
    },
  },
  {
    title: 'a kind that a group does not have',
    path: '/api/v1/namespaces/default/things',
    body: { message: 'the server could not find the requested resource', reason: 'NotFound', details: {}, code: 404 },
  },
  {
    title: 'a subresource that a kind does not have',
    path: `${MAPS}/a/status`,
    body: { message: 'the server could not find the requested resource', reason: 'NotFound', details: {}, code: 404 },
  },
  {
    title: 'a method that a collection does not have',
    path: MAPS,
    sent: { method: 'PUT', value: {} },
    body: {
      message: 'the server does not allow this method on the requested resource',
      reason: 'MethodNotAllowed',
      details: {},
      code: 405,
    },
  },
  {
    title: 'a form that nothing comes in',
    path: MAPS,
    sent: { headers: { accept: 'text/html' } },
    body: { message: `only the following media types are accepted: ${MEDIA_TYPES}`, reason: 'NotAcceptable', code: 406 },
  },
  {
    title: 'an object that is there already',
    path: MAPS,
    sent: { method: 'POST', value: { metadata: { name: 'a' } } },
    body: {
      message: 'configmaps "a" already exists',
      reason: 'AlreadyExists',
      details: { name: 'a', kind: 'configmaps' },
      code: 409,
    },
  },
  {
    title: 'a change of what has changed meanwhile',
    path: `${MAPS}/a`,
    sent: { method: 'PUT', value: { metadata: { name: 'a', resourceVersion: '1' } } },
    body: {
      message:
        'Operation cannot be fulfilled on configmaps "a": the object has been modified; please apply your changes to the latest version and try again',
      reason: 'Conflict',
      details: { name: 'a', kind: 'configmaps' },
      code: 409,
    },
  },
  {
    title: 'a body in a form that nobody reads',
    path: MAPS,
    sent: { method: 'POST', body: 'a=b', headers: { 'content-type': 'text/plain' } },
    body: {
      message: `the body of the request was in an unknown format - accepted media types include: ${MEDIA_TYPES}`,
      reason: 'UnsupportedMediaType',
      code: 415,
    },
  },
  {
    title: 'a body that is too large',
    path: MAPS,
    sent: { method: 'POST', headers: { 'content-length': String(3 * MIB + 1) } },
    body: { message: 'Request entity too large: limit is 3145728', reason: 'RequestEntityTooLarge', code: 413 },
  },
  {
    title: 'an object that is wrong in two ways',
    path: MAPS,
    sent: { method: 'POST', value: { metadata: { name: 'b' }, data: { '!': '', '..': '' } } },
    body: {
      message:
        `ConfigMap "b" is invalid: [data[!]: Invalid value: "!": a valid config key must consist of alphanumeric characters, '-', '_' or '.' ` +
        `(e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+'), data[..]: Invalid value: "..": must not be '..']`,
      reason: 'Invalid',
      details: {
        name: 'b',
        kind: 'ConfigMap',
        causes: [
          {
            reason: 'FieldValueInvalid',
            message:
              `Invalid value: "!": a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  ` +
              `or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')`,
            field: 'data[!]',
          },
          { reason: 'FieldValueInvalid', message: `Invalid value: "..": must not be '..'`, field: 'data[..]' },
        ],
      },
      code: 422,
    },
  },
  {
    title: 'an option of a write that is none',
    path: `${MAPS}?dryRun=Some`,
    sent: { method: 'POST', value: { metadata: { name: 'b' } } },
    body: {
      message: 'CreateOptions.meta.k8s.io "" is invalid: dryRun: Unsupported value: ["Some"]: supported values: "All"',
      reason: 'Invalid',
      details: {
        group: 'meta.k8s.io',
        kind: 'CreateOptions',
        causes: [
          { reason: 'FieldValueNotSupported', message: 'Unsupported value: ["Some"]: supported values: "All"', field: 'dryRun' },
        ],
      },
      code: 422,
    },
  },
  {
    title: 'an option of a deletion that is none',
    path: `${MAPS}/a`,
    sent: { method: 'DELETE', value: { propagationPolicy: 'Some' } },
    body: {
      message:
        'DeleteOptions.meta.k8s.io "" is invalid: propagationPolicy: Unsupported value: "Some": supported values: "Foreground", "Background", "Orphan", "nil"',
      reason: 'Invalid',
      details: {
        group: 'meta.k8s.io',
        kind: 'DeleteOptions',
        causes: [
          {
            reason: 'FieldValueNotSupported',
            message: 'Unsupported value: "Some": supported values: "Foreground", "Background", "Orphan", "nil"',
            field: 'propagationPolicy',
          },
        ],
      },
      code: 422,
    },
  },
];

describe('the Status for', () => {
  it.each(cases)('$title', async ({ path, sent, body }) => {
    await using server = await HttpsServer.start({ authorizer });
    await server.json(MAPS, { method: 'POST', value: { metadata: { name: 'a' } } });

    const { status, value, headers } = await server.json(path, sent);

    expect(value).toEqual({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', ...body });
    expect(status).toBe(body.code);
    expect(headers['content-type']).toBe('application/json');
  });

  it('a revision that is not there yet', async () => {
    const clock = new ManualClock(Date.UTC(2026, 0, 1));
    await using server = await HttpsServer.start({ clock });
    const revision = await server.api.store.revision();
    let isAnswered = false;
    const pending = server.json(`${MAPS}?resourceVersion=999999`).finally(() => (isAnswered = true));

    await expect.poll(() => clock.advance(3_000).then(() => isAnswered)).toBe(true);
    const { value, headers } = await pending;

    expect(value).toEqual({
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message: `Timeout: Too large resource version: 999999, current: ${revision}`,
      reason: 'Timeout',
      details: { causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }], retryAfterSeconds: 1 },
      code: 504,
    });
    expect(headers['retry-after']).toBe('1');
  });

  it('a revision that is forgotten', async () => {
    await using server = await HttpsServer.start();
    await server.json(MAPS, { method: 'POST', value: { metadata: { name: 'a' } } });
    await server.api.store.compact(await server.api.store.revision());

    const { value } = await server.json(`${MAPS}?resourceVersion=1&resourceVersionMatch=Exact`);

    expect(value).toEqual({
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message: 'The resourceVersion for the provided list is too old.',
      reason: 'Expired',
      code: 410,
    });
  });

  it('too many requests', async () => {
    await using server = await HttpsServer.start({ http: { maxReads: 0 } });

    const { value, headers } = await server.json(MAPS);

    expect(value).toEqual({
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message: 'Too many requests, please try again later.',
      reason: 'TooManyRequests',
      details: { retryAfterSeconds: 1 },
      code: 429,
    });
    expect(headers['retry-after']).toBe('1');
  });
});

it('comes in the form that was asked for, if an error has one', async () => {
  await using server = await HttpsServer.start();
  const ask = (accept: string) => server.send(`${MAPS}/none`, { headers: { accept } });

  const yaml = await ask('application/yaml');
  const table = await ask('application/json;as=Table;v=v1;g=meta.k8s.io');
  const partial = await ask('application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io');

  expect(yaml.body.toString()).toMatch(/^kind: Status\n/);
  for (const { body } of [table, partial]) expect(JSON.parse(body.toString())).toMatchObject({ kind: 'Status', code: 404 });
});
