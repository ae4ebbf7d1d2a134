import type { ValidationRule } from '@keelson/api/apiextensions/v1';
import { describe, expect, it } from 'vitest';
import { RULE_COST_BUDGET } from '../structural/rules.ts';
import type { StructuralSchema } from '../structural/structural-schema.ts';
import { CEL_RULES } from './cel-rules.ts';

await CEL_RULES.load?.();

const AT = 'spec.versions[0].schema.openAPIV3Schema';

/** A kind with `spec.replicas`, `spec.max`, `spec.tags` and `spec.ports`, and rules on its spec. */
function kindWith(rules: readonly ValidationRule[], spec: Partial<StructuralSchema> = {}): StructuralSchema {
  return {
    type: 'object',
    properties: {
      spec: {
        type: 'object',
        properties: {
          replicas: { type: 'integer' },
          max: { type: 'integer' },
          name: { type: 'string' },
          tags: { type: 'array', maxItems: 10, items: { type: 'string', maxLength: 20 } },
        },
        'x-kubernetes-validations': [...rules],
        ...spec,
      },
    },
  };
}

function judge(schema: StructuralSchema, value: unknown, before?: unknown, costBudget = RULE_COST_BUDGET) {
  const errors = CEL_RULES.compile(schema)?.judge(value, {
    before: before === undefined ? undefined : { value: before },
    costBudget,
  });
  return errors?.map(({ field, message, type }) => `${field}: ${message} (${type})`);
}

function check(schema: StructuralSchema, old?: StructuralSchema) {
  return CEL_RULES.check(schema, AT, old).map(({ field, message }) => `${field}: ${message}`);
}

describe('objects of a kind with rules', () => {
  it('are let in if all hold', () => {
    expect(judge(kindWith([{ rule: 'self.replicas <= self.max' }]), { spec: { replicas: 1, max: 2 } })).toEqual([]);
  });

  it.each<[string, ValidationRule, string]>([
    [
      'with the rule itself',
      { rule: 'self.replicas <= self.max' },
      'spec: Invalid value: "object": failed rule: self.replicas <= self.max (FieldValueInvalid)',
    ],
    [
      'with a message',
      { rule: 'self.replicas <= self.max', message: ' too many ' },
      'spec: Invalid value: "object": too many (FieldValueInvalid)',
    ],
    [
      'with a message that is made',
      { rule: 'self.replicas <= self.max', messageExpression: "'at most %d'.format([self.max])" },
      'spec: Invalid value: "object": at most 2 (FieldValueInvalid)',
    ],
    [
      'with the plain message if none can be made',
      { rule: 'self.replicas <= self.max', message: 'plain', messageExpression: 'self.tags[5]' },
      'spec: Invalid value: "object": plain (FieldValueInvalid)',
    ],
    [
      'with a reason, at a field',
      { rule: 'self.replicas <= self.max', message: 'no', reason: 'FieldValueForbidden', fieldPath: '.replicas' },
      'spec.replicas: Forbidden: no (FieldValueForbidden)',
    ],
    [
      'with a failure',
      { rule: 'self.tags[3] == "a"' },
      'spec: Invalid value: "object": index out of bounds: 3 evaluating rule: self.tags[3] == "a" (FieldValueInvalid)',
    ],
    [
      'that lack a field',
      { rule: 'self.name == "x"' },
      'spec: Invalid value: "object": no such key: name evaluating rule: self.name == "x" (FieldValueInvalid)',
    ],
  ])('are refused %s', (_title, rule, error) => {
    expect(judge(kindWith([rule]), { spec: { replicas: 3, max: 2, tags: ['a'] } })).toEqual([error]);
  });

  it('are judged wherever rules are: at the root, in lists, maps and parts of allOf', () => {
    const rule = (text: string) => [{ rule: text }];
    const schema: StructuralSchema = {
      type: 'object',
      'x-kubernetes-validations': rule('self.metadata.name != "bad"'),
      properties: {
        list: { type: 'array', items: { type: 'integer', 'x-kubernetes-validations': rule('self > 0') } },
        map: { type: 'object', additionalProperties: { type: 'string', 'x-kubernetes-validations': rule('self != ""') } },
        all: { type: 'integer', allOf: [{ 'x-kubernetes-validations': rule('self < 5') }] },
      },
    };

    expect(judge(schema, { metadata: { name: 'bad' }, list: [1, 0], map: { a: 'x', b: '' }, all: 7 })).toEqual([
      '<nil>: Invalid value: "object": failed rule: self.metadata.name != "bad" (FieldValueInvalid)',
      'list[1]: Invalid value: "integer": failed rule: self > 0 (FieldValueInvalid)',
      'map[b]: Invalid value: "string": failed rule: self != "" (FieldValueInvalid)',
      'all: Invalid value: "integer": failed rule: self < 5 (FieldValueInvalid)',
    ]);
  });

  it('compare with what was before, where something was', () => {
    const schema = kindWith([{ rule: 'self.replicas >= oldSelf.replicas', message: 'only up' }]);

    expect(judge(schema, { spec: { replicas: 1 } })).toEqual([]);
    expect(judge(schema, { spec: { replicas: 1 } }, { spec: { replicas: 1 } })).toEqual([]);
    expect(judge(schema, { spec: { replicas: 1 } }, { spec: { replicas: 2 } })).toEqual([
      'spec: Invalid value: "object": only up (FieldValueInvalid)',
    ]);
  });

  it('compare with what may have been before', () => {
    const rule = 'oldSelf.hasValue() ? self.replicas >= oldSelf.value().replicas : self.replicas == 0';
    const schema = kindWith([{ rule, optionalOldSelf: true, message: 'no' }]);

    expect(judge(schema, { spec: { replicas: 0 } })).toEqual([]);
    expect(judge(schema, { spec: { replicas: 1 } })).toHaveLength(1);
    expect(judge(schema, { spec: { replicas: 1 } }, { spec: { replicas: 0 } })).toEqual([]);
  });

  it('may keep what was wrong before the rule came', () => {
    const schema = kindWith([{ rule: 'self.replicas <= self.max' }]);
    const wrong = { replicas: 3, max: 2 };

    expect(judge(schema, { spec: wrong, other: 1 }, { spec: wrong })).toEqual([]);
    expect(judge(schema, { spec: { ...wrong, name: 'x' } }, { spec: wrong })).toHaveLength(1);
  });

  it('keep items of lists with keys apart', () => {
    const schema: StructuralSchema = {
      type: 'object',
      properties: {
        ports: {
          type: 'array',
          'x-kubernetes-list-type': 'map',
          'x-kubernetes-list-map-keys': ['name'],
          items: {
            type: 'object',
            properties: { name: { type: 'string' }, port: { type: 'integer' } },
            'x-kubernetes-validations': [{ rule: 'self.port == oldSelf.port', message: 'fixed' }],
          },
        },
      },
    };
    const before = {
      ports: [
        { name: 'a', port: 1 },
        { name: 'b', port: 2 },
      ],
    };

    expect(
      judge(
        schema,
        {
          ports: [
            { name: 'b', port: 2 },
            { name: 'a', port: 9 },
            { name: 'c', port: 3 },
          ],
        },
        before,
      ),
    ).toEqual(['ports[1]: Invalid value: "object": fixed (FieldValueInvalid)']);
  });

  it('stop being judged when the budget is used up', () => {
    const schema = kindWith([{ rule: 'self.tags.all(t, t != "x")' }, { rule: 'false' }]);

    expect(judge(schema, { spec: { tags: ['a', 'b', 'c'] } }, undefined, 5)).toEqual([
      'spec: Invalid value: "object": validation failed due to running out of cost budget, no further validation rules will be run (FieldValueInvalid)',
    ]);
  });

  it('are judged without rules that would stall: those are stopped', () => {
    const schema = kindWith([{ rule: 'self.many.all(a, self.many.all(b, self.many.all(c, a + b + c > 0)))' }], {
      properties: { many: { type: 'array', items: { type: 'integer' } } },
    });

    expect(judge(schema, { spec: { many: Array.from({ length: 500 }, (_, index) => index + 1) } })).toEqual([
      expect.stringContaining(
        "'operation cancelled: actual cost limit exceeded': no further validation rules will be run due to call cost exceeds limit for rule:",
      ),
    ]);
  });
});

describe('rules of a definition', () => {
  it('are accepted', () => {
    expect(check(kindWith([{ rule: 'self.tags.all(t, t.startsWith("a"))', messageExpression: '"no"' }]))).toEqual([]);
  });

  it('must compile to conditions, and messages to texts', () => {
    const errors = check(
      kindWith([{ rule: 'self.nothing > 0' }, { rule: 'self.replicas' }, { rule: 'true', messageExpression: 'self.max' }]),
    );

    const at = `${AT}.properties[spec].x-kubernetes-validations`;
    expect(errors).toEqual([
      expect.stringMatching(
        /^spec\.versions\[0].*validations\[0]\.rule: Invalid value: .*: compilation failed: ERROR: <input>:1:5: undefined field 'nothing'/s,
      ),
      expect.stringMatching(/validations\[1]\.rule: Invalid value: .*: cel expression must evaluate to a bool$/),
      expect.stringMatching(
        /validations\[2]\.messageExpression: Invalid value: .*: messageExpression must evaluate to a string$/,
      ),
    ]);
    expect(errors.every((error) => error.startsWith(at))).toBe(true);
  });

  it('must not cost too much, each and together', () => {
    const schema = kindWith([{ rule: 'self.all(x, x.contains("gpu"))' }], {
      type: 'array',
      items: { type: 'string' },
      properties: {},
    });
    const at = `${AT}.properties[spec].x-kubernetes-validations[0].rule`;
    const advice =
      '(try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared)';

    expect(check(schema)).toEqual([
      `${at}: Forbidden: estimated rule cost exceeds budget by factor of more than 100x ${advice}`,
      `${at}: Forbidden: contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema`,
      `${AT}: Forbidden: x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema exceeds budget by factor of more than 100x ${advice}`,
    ]);
  });

  it('count as often as their place can be in an object', () => {
    const schema = (maxItems: number): StructuralSchema => ({
      type: 'object',
      properties: {
        list: {
          type: 'array',
          maxItems,
          items: { type: 'string', maxLength: 100, 'x-kubernetes-validations': [{ rule: 'self.contains("abcdefghijk")' }] },
        },
      },
    });

    expect(check(schema(1_000))).toEqual([]);
    expect(check(schema(200_000))).toEqual([expect.stringContaining('estimated rule cost exceeds budget by factor of 1.6x')]);
  });

  it('must not compare items of lists that have no keys with what was before', () => {
    const schema: StructuralSchema = {
      type: 'object',
      properties: {
        list: {
          type: 'array',
          maxItems: 5,
          items: { type: 'integer', 'x-kubernetes-validations': [{ rule: 'self == oldSelf' }] },
        },
      },
    };

    expect(check(schema)).toEqual([
      `${AT}.properties[list].items.x-kubernetes-validations[0].rule: Invalid value: "self == oldSelf": oldSelf cannot be used on the uncorrelatable portion of the schema within ${AT}.properties[list]`,
    ]);
  });

  it('are not judged again if they were there before', () => {
    const schema = kindWith([{ rule: 'self.nothing > 0' }]);

    expect(check(schema, schema)).toEqual([]);
  });
});
