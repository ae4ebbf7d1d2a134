import { expect, it } from 'vitest';
import { duplicate, forbidden, invalidAsIs, invalidValue, notFound, notSupported, required, tooLong, tooMany } from './errors.ts';
import { Field } from './field.ts';

it.each([
  { error: required('a'), want: 'Required value' },
  { error: required('a', 'must be there'), want: 'Required value: must be there' },
  { error: invalidValue('a', 'x"y', 'is odd'), want: 'Invalid value: "x\\"y": is odd' },
  { error: invalidValue('a', undefined, 'is odd'), want: 'Invalid value: "null": is odd' },
  { error: invalidValue('a', 'x\u0000\u0007\u007fé\n', 'is odd'), want: String.raw`Invalid value: "x\x00\a\x7fé\n": is odd` },
  { error: invalidValue('a', { b: '<&>' }, 'is odd'), want: String.raw`Invalid value: {"b":"\u003c\u0026\u003e"}: is odd` },
  { error: invalidValue('a', null, 'is odd'), want: 'Invalid value: null: is odd' },
  { error: invalidAsIs('a', 'is odd'), want: 'Invalid value: is odd' },
  { error: invalidValue('a', 5), want: 'Invalid value: 5' },
  { error: invalidValue('a', ['10.96.0.1']), want: 'Invalid value: ["10.96.0.1"]' },
  { error: notSupported('a', 'X', ['B', 'C']), want: 'Unsupported value: "X": supported values: "B", "C"' },
  { error: duplicate('a', 'x'), want: 'Duplicate value: "x"' },
  { error: notFound('a', 'x'), want: 'Not found: "x"' },
  { error: forbidden('a', 'not now'), want: 'Forbidden: not now' },
  { error: tooLong('a', 63), want: 'Too long: may not be more than 63 bytes' },
  { error: tooMany('a', 3, 1), want: 'Too many: 3: must have at most 1 item' },
])('says "$want"', ({ error, want }) => {
  expect(error.message).toBe(want);
});

it('names a place by children, positions and keys', () => {
  const errors = Field.collect((at) => at.child('spec').child('limits').index(2).child('max').key('cpu').required());

  expect(errors[0]?.field).toBe('spec.limits[2].max[cpu]');
});
