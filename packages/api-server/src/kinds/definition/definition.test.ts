import type { KubernetesObject } from '@keelson/api';
import type { CustomResourceDefinition, CustomResourceDefinitionVersion, JSONSchemaProps } from '@keelson/api/apiextensions/v1';
import { describe, expect, it } from 'vitest';
import { asStrategy } from '../as-strategy.ts';
import { CONTEXT, texts } from '../test-support.ts';
import { definitionStrategy } from './definition-strategy.ts';

const strategy = asStrategy(definitionStrategy());

interface Parts {
  readonly name?: string;
  readonly annotations?: Record<string, string>;
  readonly spec?: Partial<CustomResourceDefinition['spec']>;
  readonly version?: Partial<CustomResourceDefinitionVersion>;
  readonly schema?: JSONSchemaProps;
}

const SCHEMA: JSONSchemaProps = {
  type: 'object',
  properties: { spec: { type: 'object', properties: { size: { type: 'integer' } } } },
};

function definition({ name = 'boats.example.com', annotations, spec, version, schema = SCHEMA }: Parts = {}): KubernetesObject {
  const versions = [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: schema }, ...version }];
  const names = { plural: 'boats', kind: 'Boat' };
  const made = {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name, ...(annotations && { annotations }) },
    spec: { group: 'example.com', scope: 'Namespaced', names, versions, ...spec },
  };
  return structuredClone(made) as KubernetesObject;
}

function problems(parts: Parts): string[] {
  const object = definition(parts);
  strategy.prepareForCreate?.(object, CONTEXT);
  strategy.setDefaults?.(object);
  return texts([...(strategy.validate?.(object, CONTEXT) ?? []), ...(strategy.validateCreate?.(object, CONTEXT) ?? [])]);
}

const at = 'spec.versions[0].schema.openAPIV3Schema';
const field = (name: string, schema: object): JSONSchemaProps => ({ type: 'object', properties: { [name]: schema } });

it('accepts a plain definition, and says which version is stored', () => {
  const object = definition();

  strategy.prepareForCreate?.(object, CONTEXT);

  expect(problems({})).toEqual([]);
  expect(object).toMatchObject({ status: { storedVersions: ['v1'] } });
});

it.each<[string, Parts, string[]]>([
  [
    'another name',
    { name: 'ships.example.com' },
    ['metadata.name: Invalid value: "ships.example.com": must be spec.names.plural+"."+spec.group'],
  ],
  [
    'a group without a dot',
    { name: 'boats.example', spec: { group: 'example' } },
    ['spec.group: Invalid value: "example": should be a domain with at least one dot'],
  ],
  [
    'an unknown scope',
    { spec: { scope: 'World' } },
    ['spec.scope: Unsupported value: "World": supported values: "Cluster", "Namespaced"'],
  ],
  [
    'no stored version',
    { version: { storage: false } },
    [
      expect.stringMatching(/^spec\.versions: Invalid value: .*: must have exactly one version marked as storage version$/),
      'status.storedVersions: Invalid value: []: must have at least one stored version',
    ],
  ],
  [
    'a kind that is its own list',
    { spec: { names: { plural: 'boats', kind: 'Boat', listKind: 'Boat' } } },
    ['spec.names.listKind: Invalid value: "Boat": kind and listKind may not be the same'],
  ],
  ['no schema', { version: { schema: {} } }, [`${at}: Required value`]],
  [
    'unknown fields kept everywhere',
    { spec: { preserveUnknownFields: true } },
    [
      'spec.preserveUnknownFields: Invalid value: true: cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead',
    ],
  ],
  [
    'a column of no type',
    { version: { additionalPrinterColumns: [{ name: 'Size', type: 'text', jsonPath: 'spec.size' }] } },
    [
      'spec.versions[0].additionalPrinterColumns[0].type: Invalid value: "text": must be one of boolean,date,integer,number,string',
      'spec.versions[0].additionalPrinterColumns[0].JSONPath: Invalid value: "spec.size": must be a simple json path starting with .',
    ],
  ],
  [
    'replicas elsewhere than in the spec',
    { version: { subresources: { scale: { specReplicasPath: '.size', statusReplicasPath: '.status.size' } } } },
    ['spec.versions[0].subresources.scale.specReplicasPath: Invalid value: ".size": should be a json path under .spec'],
  ],
  [
    'fields that cannot be selected by',
    {
      version: {
        selectableFields: [
          { jsonPath: '.spec' },
          { jsonPath: '.spec.none' },
          { jsonPath: '.spec.size' },
          { jsonPath: '.spec.size' },
        ],
      },
    },
    [
      'spec.versions[0].selectableFields[0].jsonPath: Invalid value: ".spec": must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed.',
      'spec.versions[0].selectableFields[1].jsonPath: Invalid value: ".spec.none": is an invalid path: does not refer to a valid field',
      'spec.versions[0].selectableFields[3].jsonPath: Duplicate value: ".spec.size"',
    ],
  ],
  [
    'a webhook that cannot be reached',
    {
      spec: {
        conversion: { strategy: 'Webhook', webhook: { clientConfig: { url: 'http://x' }, conversionReviewVersions: ['v2'] } },
      },
    },
    [
      'spec.conversion.webhookClientConfig.url: Invalid value: "http": \'https\' is the only allowed URL scheme; desired format: https://host[/path]',
      'spec.conversion.conversionReviewVersions: Invalid value: ["v2"]: must include at least one of v1, v1beta1',
    ],
  ],
  [
    'a warning for a version that is fine',
    { version: { deprecationWarning: 'old' } },
    ['spec.versions[0].deprecationWarning: Invalid value: "old": can only be set for deprecated versions'],
  ],
  [
    "the community's names without approval",
    { name: 'boats.sig.k8s.io', spec: { group: 'sig.k8s.io' } },
    [
      'metadata.annotations[api-approved.kubernetes.io]: Required value: protected groups must have approval annotation "api-approved.kubernetes.io", see https://github.com/kubernetes/enhancements/pull/1111',
    ],
  ],
])('refuses %s', (_title, parts, want) => {
  expect(problems(parts)).toEqual(want);
});

describe('schemas', () => {
  it.each<[JSONSchemaProps, string[]]>([
    [{}, [`${at}.type: Required value: must not be empty at the root`]],
    [{ type: 'array', items: { type: 'string' } }, [`${at}.type: Invalid value: "array": must be object at the root`]],
    [field('a', {}), [`${at}.properties[a].type: Required value: must not be empty for specified object fields`]],
    [field('a', { type: 'array' }), [`${at}.properties[a].items: Required value: must be specified`]],
    [
      { ...SCHEMA, anyOf: [{ properties: { other: { minimum: 1 } } }] },
      [`${at}.properties[other]: Required value: because it is defined in ${at}.anyOf[0].properties[other]`],
    ],
    [
      field('a', { type: 'integer', anyOf: [{ type: 'integer' }] }),
      [`${at}.properties[a].anyOf[0].type: Forbidden: must be empty to be structural`],
    ],
    [
      field('a', { type: 'string', pattern: '(' }),
      [
        expect.stringMatching(
          /^\S+\.pattern: Invalid value: "\(": must be a valid regular expression, but isn't: error parsing regexp/,
        ),
      ],
    ],
    [
      { type: 'object', properties: { metadata: { type: 'object', properties: { labels: { type: 'object' } } } } },
      [
        `${at}.properties[metadata]: Forbidden: must not specify anything other than name and generateName, but metadata is implicitly specified`,
      ],
    ],
    [
      field('a', { type: 'object', 'x-kubernetes-embedded-resource': true }),
      [
        `${at}.properties[a].properties: Required value: must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields`,
      ],
    ],
    [
      field('a', { type: 'object', properties: { b: { type: 'string' } }, default: { c: 1 } }),
      [`${at}.properties[a].default: Invalid value: {"c":1}: must not have unknown fields`],
    ],
    [
      field('a', { type: 'integer', maximum: 1, default: 2 }),
      [`${at}.properties[a].default: Invalid value: 2:  in body should be less than or equal to 1`],
    ],
    [
      field('a', { type: 'array', items: { type: 'string' }, uniqueItems: true }),
      [
        `${at}.properties[a].uniqueItems: Forbidden: uniqueItems cannot be set to true since the runtime complexity becomes quadratic`,
      ],
    ],
    [
      field('a', {
        type: 'array',
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['k'],
        items: field('k', { type: 'string' }),
      }),
      [
        `${at}.properties[a].items.properties[k].default: Required value: this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property`,
      ],
    ],
    [
      field('a', { type: 'object', properties: { b: { type: 'string' } }, additionalProperties: false }),
      [`${at}.properties[a].additionalProperties: Forbidden: additionalProperties and properties are mutual exclusive`],
    ],
    [
      field('a', { type: 'string', 'x-kubernetes-validations': [{ rule: ' ', reason: 'Because' }] }),
      [
        `${at}.properties[a].x-kubernetes-validations[0].rule: Required value: rule is not specified`,
        `${at}.properties[a].x-kubernetes-validations[0].reason: Unsupported value: "Because": supported values: "FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired"`,
      ],
    ],
  ])('%j', (schema, want) => {
    expect(problems({ schema })).toEqual(want);
  });

  it.each<JSONSchemaProps>([
    field('a', { 'x-kubernetes-int-or-string': true, anyOf: [{ type: 'integer' }, { type: 'string' }], pattern: '^[0-9]+$' }),
    field('a', { 'x-kubernetes-preserve-unknown-fields': true }),
    field('a', { type: 'object', 'x-kubernetes-embedded-resource': true, 'x-kubernetes-preserve-unknown-fields': true }),
    { type: 'object', properties: { metadata: { type: 'object', properties: { name: { type: 'string', maxLength: 5 } } } } },
    { ...SCHEMA, required: ['spec'], oneOf: [{ properties: { spec: { required: ['size'] } } }] },
  ])('takes %j', (schema) => {
    expect(problems({ schema })).toEqual([]);
  });
});

it('lets an established definition change neither scope, group nor kind', () => {
  const old = definition();
  Object.assign(old, { status: { conditions: [{ type: 'Established', status: 'True' }], storedVersions: ['v1'] } });
  const changed = definition({ spec: { scope: 'Cluster', group: 'example.org', names: { plural: 'boats', kind: 'Ship' } } });

  expect(texts(strategy.validateUpdate?.(changed, old, CONTEXT))).toEqual([
    'spec.scope: Invalid value: "Cluster": field is immutable',
    'spec.names.kind: Invalid value: "Ship": field is immutable',
    'spec.group: Invalid value: "example.org": field is immutable',
  ]);
});

it('keeps every version that was ever stored', () => {
  const old = definition();
  const version = (name: string, storage: boolean) => ({ name, storage, served: true, schema: { openAPIV3Schema: SCHEMA } });
  const both = definition({ spec: { versions: [version('v1', false), version('v2', true)] } });
  Object.assign(both, { status: { storedVersions: ['v1'] } });

  strategy.prepareForUpdate?.(both, old, CONTEXT);
  const without = definition({ spec: { versions: [version('v2', true)] } });
  Object.assign(without, { status: { storedVersions: ['v1', 'v2'] } });

  expect(both).toMatchObject({ status: { storedVersions: ['v1', 'v2'] } });
  expect(texts(strategy.validate?.(without, CONTEXT, both))).toContain(
    'status.storedVersions[0]: Invalid value: "v1": missing from spec.versions; v1 was previously a storage version, and must remain in spec.versions until a storage migration ensures no data remains persisted in v1 and removes v1 from status.storedVersions',
  );
});

it('warns of formats that it ignores, once they are new', () => {
  const odd = definition({ schema: field('a', { type: 'string', format: 'odd' }) });

  expect(strategy.warnings?.(odd, undefined)).toEqual(['unrecognized format "odd"']);
  expect(strategy.warnings?.(odd, odd)).toEqual([]);
});
