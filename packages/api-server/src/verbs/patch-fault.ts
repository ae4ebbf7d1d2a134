import { stringifyJson } from '@keelson/api';
import type { KeelsonError } from '@keelson/base';
import { invalid } from '../validation/field-error.ts';
import { invalidValue } from '../validation/errors.ts';
import type { Patch } from './patch.ts';

const NOBODY = { group: '', kind: '', name: '' };
const MISMATCH = /^json: cannot unmarshal (\w+) into Go (?:value|struct field \S+) of type (.+)$/s;

/** The kinds and the types that Go has for values out of JSON. */
const GO_KINDS: Readonly<Record<string, string>> = { number: 'int64', object: 'map', array: 'slice' };
const GO_TYPES: Readonly<Record<string, string>> = {
  number: 'int64',
  object: 'map[string]interface {}',
  array: '[]interface {}',
};

/**
 * What a patch gets that makes something which is no object of its kind: 422 about `patch`, of nothing in particular, in the words of what read it.
 * A strategic merge patch is shown as Go prints it, others by what they made.
 */
export function patchFault({ type, value }: Patch, patched: unknown, why: string): KeelsonError {
  const isStrategic = type === 'strategic';
  const shown = isStrategic ? goText(value) : stringifyJson(patched);
  return invalid(NOBODY, [invalidValue('patch', shown, isStrategic ? inWordsOfConverter(why) : why)]);
}

/** Strategic merge patches are not read from JSON upstream, but taken out of maps, which has words of its own. */
function inWordsOfConverter(why: string): string {
  const [, found = '', type = ''] = MISMATCH.exec(why) ?? [];
  if (type === '') return why;
  const kind = GO_KINDS[found] ?? found;
  if (type.startsWith('map[')) return `cannot restore map from ${kind}`;
  if (type.startsWith('[]')) return `cannot restore slice from ${kind}`;
  if (/^[a-z]\w*\.[A-Z]/.test(type)) return `cannot restore struct from: ${kind}`;
  return `cannot convert ${GO_TYPES[found] ?? found} to ${type}`;
}

/** As `%+v` of Go prints what JSON can hold. */
function goText(value: unknown): string {
  if (value === null || value === undefined) return '<nil>';
  if (Array.isArray(value)) return `[${value.map(goText).join(' ')}]`;
  if (typeof value !== 'object') return String(value);
  const pairs = Object.entries(value).map(([key, each]): string => `${key}:${goText(each)}`);
  return `map[${pairs.sort().join(' ')}]`;
}
