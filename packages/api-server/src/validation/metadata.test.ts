import type { ObjectMeta } from '@keelson/api/meta/v1';
import { describe, expect, it } from 'vitest';
import type { NameRule } from '../registry/strategy.ts';
import { validateObjectMeta, validateObjectMetaUpdate } from './metadata.ts';

function texts(meta: ObjectMeta, nameRule?: NameRule): string[] {
  return validateObjectMeta({ name: 'web', namespace: 'default', ...meta }, { namespaced: true, nameRule }).map(
    ({ field, message }) => `${field}: ${message}`,
  );
}

const SUBDOMAIN =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";

describe('metadata of a new object', () => {
  it.each<{ title: string; meta: ObjectMeta; rule?: NameRule; want: string[] }>([
    { title: 'accepts a plain name', meta: {}, want: [] },
    {
      title: 'asks for a name',
      meta: { name: undefined },
      want: ['metadata.name: Required value: name or generateName is required'],
    },
    { title: 'refuses capitals', meta: { name: 'A' }, want: [`metadata.name: Invalid value: "A": ${SUBDOMAIN}`] },
    { title: 'accepts a generated name that ends in a dash', meta: { generateName: 'web-' }, want: [] },
    { title: 'accepts nearly anything for a path segment', meta: { name: 'system:node' }, rule: 'path-segment', want: [] },
    {
      title: 'refuses a slash in a path segment',
      meta: { name: 'a/b' },
      rule: 'path-segment',
      want: [`metadata.name: Invalid value: "a/b": may not contain '/'`],
    },
    { title: 'asks for a namespace', meta: { namespace: '' }, want: ['metadata.namespace: Required value'] },
    {
      title: 'refuses a label with blanks',
      meta: { labels: { a: 'b c' } },
      want: [
        `metadata.labels: Invalid value: "b c": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')`,
      ],
    },
    { title: 'accepts annotations with capitals in their prefix', meta: { annotations: { 'Example.com/x': '{}' } }, want: [] },
    {
      title: 'limits annotations to 256 KiB',
      meta: { annotations: { a: 'x'.repeat(262_144) } },
      want: ['metadata.annotations: Too long: may not be more than 262144 bytes'],
    },
    {
      title: 'counts bytes, not characters',
      meta: { annotations: { a: 'ä'.repeat(131_072) } },
      want: ['metadata.annotations: Too long: may not be more than 262144 bytes'],
    },
    {
      title: 'allows one controller',
      meta: {
        ownerReferences: [
          { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'a', uid: '1', controller: true },
          { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'b', uid: '2', controller: true },
        ],
      },
      want: [
        'metadata.ownerReferences: Invalid value: [{"apiVersion":"apps/v1","kind":"ReplicaSet","name":"a","uid":"1","controller":true},{"apiVersion":"apps/v1","kind":"ReplicaSet","name":"b","uid":"2","controller":true}]: Only one reference can have Controller set to true. Found "true" in references for ReplicaSet/a and ReplicaSet/b',
      ],
    },
    {
      title: 'asks for all of an owner',
      meta: { ownerReferences: [{ apiVersion: '', kind: '', name: '', uid: '' }] },
      want: [
        'metadata.ownerReferences.apiVersion: Invalid value: "": version must not be empty',
        'metadata.ownerReferences.kind: Invalid value: "": must not be empty',
        'metadata.ownerReferences.name: Invalid value: "": must not be empty',
        'metadata.ownerReferences.uid: Invalid value: "": must not be empty',
      ],
    },
    {
      title: 'refuses two ways of treating dependents',
      meta: { finalizers: ['orphan', 'foregroundDeletion'] },
      want: [
        'metadata.finalizers: Invalid value: ["orphan","foregroundDeletion"]: finalizer orphan and foregroundDeletion cannot be both set',
      ],
    },
  ])('$title', ({ meta, rule, want }) => {
    expect(texts(meta, rule)).toEqual(want);
  });

  it('refuses a namespace on a cluster-scoped kind', () => {
    const errors = validateObjectMeta({ name: 'a', namespace: 'b' }, { namespaced: false });

    expect(errors).toEqual([
      { type: 'FieldValueForbidden', field: 'metadata.namespace', message: 'Forbidden: not allowed on this type' },
    ]);
  });

  it('takes labels named like parts of every object for labels', () => {
    const labels = JSON.parse('{"__proto__":"x","constructor":"y"}') as Record<string, string>;

    expect(texts({ labels })).toEqual([expect.stringContaining('metadata.labels: Invalid value: "__proto__"')]);
  });
});

describe('metadata of a changed object', () => {
  const old: ObjectMeta = {
    name: 'web',
    namespace: 'default',
    uid: '1',
    creationTimestamp: '2026-01-01T00:00:00Z',
    generation: 2,
  };

  it.each<{ title: string; old?: ObjectMeta; meta: ObjectMeta; want: string[] }>([
    { title: 'accepts no change', meta: {}, want: [] },
    { title: 'keeps the uid', meta: { uid: '2' }, want: ['metadata.uid: Invalid value: "2": field is immutable'] },
    {
      title: 'keeps the generation from falling',
      meta: { generation: 1 },
      want: ['metadata.generation: Invalid value: 1: must not be decremented'],
    },
    {
      title: 'refuses new finalizers while the object is being deleted',
      old: { deletionTimestamp: '2026-01-01T00:00:00Z', finalizers: ['a.b/c'] },
      meta: { deletionTimestamp: '2026-01-01T00:00:00Z', finalizers: ['a.b/c', 'a.b/d'] },
      want: [
        'metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{"a.b/d"}',
      ],
    },
    {
      title: 'lets finalizers go while the object is being deleted',
      old: { deletionTimestamp: '2026-01-01T00:00:00Z', finalizers: ['a.b/c'] },
      meta: { deletionTimestamp: '2026-01-01T00:00:00Z' },
      want: [],
    },
    {
      title: 'refuses to undo a deletion',
      old: { deletionTimestamp: '2026-01-01T00:00:00Z' },
      meta: {},
      want: ['metadata.deletionTimestamp: Invalid value: "null": field is immutable'],
    },
  ])('$title', ({ old: before, meta, want }) => {
    const errors = validateObjectMetaUpdate({ ...old, ...meta }, { ...old, ...before });

    expect(errors.map(({ field, message }) => `${field}: ${message}`)).toEqual(want);
  });
});
