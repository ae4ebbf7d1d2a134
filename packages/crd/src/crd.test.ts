import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { spawnSync } from 'node:child_process';
import type { CustomResourceDefinition } from '@keelson/api/apiextensions/v1';
import { describe, expect, expectTypeOf, it } from 'vitest';
import { z } from 'zod';
import { customResource, type ObjectOf } from './custom-resource.ts';
import { generateTypes } from './generate-types.ts';
import { atomic } from './markers.ts';
import { structuralSchema } from './structural-schema.ts';
import { Website } from './testing/website.ts';

type Website = ObjectOf<typeof Website>;

describe('customResource', () => {
  it('is a kind whose objects have the types of the schema', () => {
    expect(Website).toMatchObject({
      group: 'example.com',
      version: 'v1',
      kind: 'Website',
      resource: 'websites',
      namespaced: true,
    });
    expectTypeOf<Website['spec']['replicas']>().toEqualTypeOf<number>();
    expectTypeOf<NonNullable<Website['spec']['ports']>[number]['protocol']>().toEqualTypeOf<'TCP' | 'UDP'>();
    expectTypeOf<NonNullable<Website['spec']['surge']>>().toEqualTypeOf<number | string>();
  });

  it('writes the manifest, in structural schemas', () => {
    const [version] = Website.definition().spec.versions;

    expect(Website.definition()).toMatchObject({
      metadata: { name: 'websites.example.com' },
      spec: {
        scope: 'Namespaced',
        names: { plural: 'websites', singular: 'website', listKind: 'WebsiteList', shortNames: ['ws'] },
      },
    });
    expect(version).toMatchObject({
      name: 'v1',
      served: true,
      storage: true,
      subresources: { status: {}, scale: { specReplicasPath: '.spec.replicas' } },
      selectableFields: [{ jsonPath: '.spec.html' }],
    });
    expect(version?.schema?.openAPIV3Schema).toMatchObject({ type: 'object', required: ['spec'] });
    expect(version?.schema?.openAPIV3Schema?.properties?.['spec']).toEqual({
      type: 'object',
      required: ['html'],
      'x-kubernetes-validations': [
        { rule: "self.replicas > 0 || self.html == ''", message: 'a website without replicas serves nothing' },
        { rule: 'self == oldSelf' },
      ],
      properties: {
        html: { type: 'string', minLength: 1, description: 'What is served.' },
        replicas: { type: 'integer', minimum: 0, maximum: 100, default: 1 },
        hosts: { type: 'array', items: { type: 'string' }, 'x-kubernetes-list-type': 'set' },
        ports: {
          type: 'array',
          'x-kubernetes-list-type': 'map',
          'x-kubernetes-list-map-keys': ['name'],
          items: {
            type: 'object',
            required: ['name', 'port'],
            properties: {
              name: { type: 'string' },
              port: { type: 'integer', minimum: 1, maximum: 65_535 },
              protocol: { type: 'string', enum: ['TCP', 'UDP'], default: 'TCP' },
            },
          },
        },
        surge: { 'x-kubernetes-int-or-string': true },
        memory: { 'x-kubernetes-int-or-string': true, pattern: expect.stringContaining('KMGTPE') },
        labels: { type: 'object', additionalProperties: { type: 'string' } },
        until: { type: 'string', format: 'date-time', nullable: true },
        extra: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
      },
    });
  });

  it('holds several versions, of which one is stored', () => {
    const old = customResource({
      group: 'example.com',
      kind: 'Website',
      version: 'v1beta1',
      spec: z.object({ page: z.string() }),
      deprecated: 'use v1',
    });

    expect(Website.definition(old).spec.versions).toMatchObject([
      { name: 'v1', storage: true },
      { name: 'v1beta1', storage: false, deprecated: true, deprecationWarning: 'use v1' },
    ]);
    const other = customResource({ group: 'example.com', kind: 'Other', spec: z.object({}) });
    expect(() => Website.definition(other)).toThrow('Other of example.com is a version of Website');
  });

  it('completes and checks a spec as the server would', () => {
    expect(Website.parseSpec({ html: 'x' })).toEqual({ html: 'x', replicas: 1 });
    expect(() => Website.parseSpec({ html: '', replicas: 500 })).toThrow('replicas');
  });
});

describe('structuralSchema', () => {
  it.each([
    { title: 'a number above', schema: z.number().gt(0), json: { type: 'number', minimum: 0, exclusiveMinimum: true } },
    { title: 'a literal', schema: z.literal('on'), json: { type: 'string', enum: ['on'] } },
    {
      title: 'a bounded list',
      schema: z.array(z.boolean()).max(3),
      json: { type: 'array', maxItems: 3, items: { type: 'boolean' } },
    },
    { title: 'anything', schema: z.unknown(), json: { 'x-kubernetes-preserve-unknown-fields': true } },
    { title: 'a pattern', schema: z.string().regex(/^[a-z]+$/), json: { type: 'string', pattern: '^[a-z]+$' } },
    {
      title: 'an atomic list',
      schema: atomic(z.array(z.string())),
      json: { type: 'array', items: { type: 'string' }, 'x-kubernetes-list-type': 'atomic' },
    },
    {
      title: 'an object that is open',
      schema: z.looseObject({ a: z.string() }),
      json: {
        type: 'object',
        required: ['a'],
        properties: { a: { type: 'string' } },
        'x-kubernetes-preserve-unknown-fields': true,
      },
    },
  ])('writes $title', ({ schema, json }) => {
    expect(structuralSchema(schema)).toEqual(json);
  });

  it.each([
    { title: 'a union', schema: z.object({ a: z.union([z.string(), z.boolean()]) }), path: '.a' },
    { title: 'a tuple', schema: z.object({ b: z.array(z.tuple([z.string(), z.int()])) }), path: '.b[]' },
  ])('refuses $title, and says where it is', ({ schema, path }) => {
    expect(() => structuralSchema(schema)).toThrow(`Cannot write "${path}" as a structural schema`);
  });
});

describe('generateTypes', () => {
  const generated = generateTypes(Website.definition()).get('v1') ?? '';

  it('writes the types of a definition', () => {
    expect(generated).toMatchInlineSnapshot(`
      "// Generated from the CustomResourceDefinition websites.example.com; do not edit.
      import type { Kind, KubernetesObject } from '@keelson/api';

      export interface Website extends KubernetesObject {
        spec: {
          /** What is served. */
          html: string;
          replicas?: number | undefined;
          hosts?: string[] | undefined;
          ports?: {
            name: string;
            port: number;
            protocol?: 'TCP' | 'UDP' | undefined;
          }[] | undefined;
          surge?: number | string | undefined;
          memory?: number | string | undefined;
          labels?: Record<string, string> | undefined;
          until?: string | null | undefined;
          extra?: Record<string, unknown> | undefined;
        };
        status?: {
          conditions?: {
            type: string;
            status: 'True' | 'False' | 'Unknown';
            reason: string;
            message: string;
            lastTransitionTime: string;
            observedGeneration?: number | undefined;
          }[] | undefined;
          available?: number | undefined;
        } | undefined;
      }

      export const Website: Kind<Website> = {
        group: 'example.com',
        version: 'v1',
        kind: 'Website',
        resource: 'websites',
        namespaced: true
      };
      "
    `);
  });

  it('leads back to the same types', () => {
    const directory = mkdtempSync(join(import.meta.dirname, '.generated-'));
    try {
      writeFileSync(join(directory, 'website.ts'), generated);
      const same = 'type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;';
      const flat = 'type Flat<T> = T extends object ? { [K in keyof T]: Flat<T[K]> } : T;';
      const check = `import type { z } from 'zod';
import type { Website as Generated } from './website.ts';
import type { websiteSpec } from '../testing/website.ts';
${same}
${flat}
export const spec: Same<Flat<Generated['spec']>, Flat<z.input<typeof websiteSpec>>> = true;
`;
      writeFileSync(join(directory, 'check.ts'), check);
      const tsc = join(import.meta.dirname, '../../../node_modules/typescript/bin/tsc');
      const options = ['--ignoreConfig', '--noEmit', '--strict', '--skipLibCheck', '--allowImportingTsExtensions'];
      const modules = ['--module', 'nodenext', '--target', 'es2024', '--customConditions', 'keelson-source', '--types', 'node'];
      const { status, stdout } = spawnSync(process.execPath, [tsc, ...options, ...modules, join(directory, 'check.ts')]);
      expect(`${status} ${stdout.toString()}`).toBe('0 ');
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });

  it('takes the versions that are served, or the one that is asked for', () => {
    const definition: CustomResourceDefinition = Website.definition();
    const [version] = definition.spec.versions;
    if (!version) throw new Error('there is one');
    definition.spec.versions.push({ ...version, name: 'v0', served: false });

    expect([...generateTypes(definition).keys()]).toEqual(['v1']);
    expect([...generateTypes(definition, { version: 'v0' }).keys()]).toEqual(['v0']);
  });
});
