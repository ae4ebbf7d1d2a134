import { badRequest, parseJson, parseJsonStrict, type KubernetesObject } from '@keelson/api';
import { errorMessage, isReason } from '@keelson/base';
import { LineCounter, parseDocument } from 'yaml';
import { parseYamlBody, type FieldValidation } from './body.ts';
import type { Call } from './call.ts';

/**
 * The configuration in the body of a server-side apply: YAML, or JSON, which most clients send and which is read many times as fast. Throws
 * `BadRequest`.
 */
export function readConfiguration(
  { request: { body }, warn }: Pick<Call, 'request' | 'warn'>,
  validation: FieldValidation,
): KubernetesObject {
  if (body?.type === 'value') return asObject(body.value);
  const text = body?.data.toString() ?? '';
  const { value, mayRepeat } = parsed(text, validation);
  const object = asObject(value);
  const fault = mayRepeat ? repeatedKeys(text) : undefined;
  if (fault !== undefined && validation === 'Strict') throw badRequest(`error strict decoding patch: ${fault}`);
  if (fault !== undefined) warn(fault);
  return object;
}

interface Parsed {
  readonly value: unknown;
  /** True if keys may have been given twice, and somebody wants to know. */
  readonly mayRepeat: boolean;
}

const OBJECT = /^\s*\{/;

function parsed(text: string, validation: FieldValidation): Parsed {
  const wantsToKnow = validation !== 'Ignore';
  if (OBJECT.test(text)) {
    const json = parsedJson(text, wantsToKnow);
    if (json) return json;
  }
  try {
    return { value: parseYamlBody(text).value, mayRepeat: wantsToKnow };
  } catch (error) {
    throw badRequest(`error decoding patch: ${errorMessage(error)}`);
  }
}

/** Undefined for what is YAML that only begins like JSON. */
function parsedJson(text: string, wantsToKnow: boolean): Parsed | undefined {
  try {
    if (!wantsToKnow) return { value: parseJson(text), mayRepeat: false };
    const { value, duplicates } = parseJsonStrict(text);
    return { value, mayRepeat: duplicates.length > 0 };
  } catch (error) {
    if (isReason(error, 'BadRequest')) return undefined;
    throw error;
  }
}

function asObject(value: unknown): KubernetesObject {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  if (value === null || value === undefined) return {};
  const found = Array.isArray(value) ? 'array' : typeof value === 'boolean' ? 'bool' : typeof value;
  throw badRequest(
    `error decoding patch: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal ${found} into Go value of type map[string]interface {}`,
  );
}

/** Upstream's words for keys that are there twice; undefined if there are none. */
function repeatedKeys(text: string): string | undefined {
  const lines = new LineCounter();
  const { errors } = parseDocument(text, { version: '1.1', uniqueKeys: true, lineCounter: lines });
  const repeated = errors.filter(({ code }) => code === 'DUPLICATE_KEY');
  if (repeated.length === 0) return undefined;
  const told = repeated.map(
    ({ pos: [start] }) => `  line ${lines.linePos(start).line}: key ${keyAt(text, start)} already set in map`,
  );
  return `error converting YAML to JSON: yaml: unmarshal errors:\n${told.join('\n')}`;
}

const KEY = /^(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|([^\s:,{}]+))/;

function keyAt(text: string, start: number): string {
  const found = KEY.exec(text.slice(start));
  return JSON.stringify(found?.[1] ?? found?.[2] ?? found?.[3] ?? '');
}
