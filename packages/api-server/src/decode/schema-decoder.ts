import { canonicalQuantity, cloneJson, formatMicroTime, formatTime, parseTime } from '@keelson/api';
import { badRequest } from '@keelson/api';
import { isPooledSet } from '@keelson/api/structured-merge';
import { remembering } from '../validation/remembering.ts';
import { pathText } from './path-text.ts';
import { planOf, type ObjectPlan, type ValuePlan } from './plan.ts';

/**
 * Hot path: builds a new object out of a body, by the tables: checks types, leaves out unknown fields and nulls and what Go's encoder
 * leaves out, and brings quantities and times into their canonical form. About 10 us for a pod.
 */
export class SchemaDecoder {
  /** Paths of unknown fields, in the order of the body. */
  readonly unknown: string[] = [];
  readonly #path: (string | number)[] = [];

  /**
   * `definition` is the short name of a definition with fields. What the value shares with `known`, which has that form already, is copied
   * unseen. Throws `BadRequest`.
   */
  decode(definition: string, value: unknown, known?: unknown): Record<string, unknown> {
    const plan = planOf(definition);
    if (!isRecord(value))
      throw this.#mismatch(value, {
        struct: plan.struct,
        go: definition.slice(0, definition.lastIndexOf('.') + 1) + plan.struct,
      });
    // Metadata is always looked at: the sets of fields in it are not copied but shared.
    return this.#object(plan, value, isRecord(known) ? { ...known, metadata: undefined } : undefined);
  }

  #object(plan: ObjectPlan, source: Record<string, unknown>, known: unknown): Record<string, unknown> {
    const target: Record<string, unknown> = {};
    const before = isRecord(known) ? known : undefined;
    for (const key in source) {
      const value = source[key];
      if (value === null || value === undefined) continue;
      const field = plan.fields.get(key);
      this.#path.push(key);
      if (field) {
        const decoded = this.#value(field.value, value, plan, before?.[key]);
        if (decoded !== undefined && !(field.dropsEmpty && isEmpty(decoded))) target[key] = decoded;
      } else this.unknown.push(pathText(this.#path));
      this.#path.pop();
    }
    return target;
  }

  #value(plan: ValuePlan, value: unknown, owner: ObjectPlan, known: unknown): unknown {
    if (value === known && typeof value === 'object') return cloneJson(value);
    switch (plan.type) {
      case 'string':
        if (typeof value !== 'string')
          throw this.#mismatch(value, { struct: owner.struct, go: plan.bytes ? '[]uint8' : 'string' });
        if (plan.bytes) this.#checkBase64(value);
        return value;
      case 'integer':
        return this.#integer(plan.go, value, owner);
      case 'number':
        if (typeof value !== 'number' && typeof value !== 'bigint')
          throw this.#mismatch(value, { struct: owner.struct, go: 'float64' });
        return Number(value);
      case 'boolean':
        if (typeof value !== 'boolean') throw this.#mismatch(value, { struct: owner.struct, go: 'bool' });
        return value;
      case 'time':
      case 'microTime':
        return this.#time(plan.type, value, owner);
      case 'quantity':
        return this.#quantity(value, owner);
      case 'intOrString':
        if (typeof value === 'string') return value;
        return this.#integer('int32', value, owner);
      case 'object': {
        if (!isRecord(value)) throw this.#mismatch(value, { struct: owner.struct, go: goName(plan.name) });
        return this.#object(plan.plan, value, known);
      }
      case 'array':
        return this.#array(plan.items, value, owner, known);
      case 'map':
        return this.#map(plan.items, value, owner, known);
      case 'schemaOr':
        return this.#schemaOr(value);
      case 'any':
        return typeof value === 'object' && value !== null && !isPooledSet(value) ? cloneJson(value) : value;
    }
  }

  /** A JSON schema, a list of them, or what else may stand in its place. */
  #schemaOr(value: unknown): unknown {
    if (isRecord(value)) return this.#object(planOf(JSON_SCHEMA), value, undefined);
    if (!Array.isArray(value)) return value;
    const items: readonly unknown[] = value;
    return items.map((item) => this.#schemaOr(item));
  }

  #array(items: ValuePlan, value: unknown, owner: ObjectPlan, known: unknown): unknown[] {
    if (!Array.isArray(value)) throw this.#mismatch(value, { struct: owner.struct, go: `[]${goType(items)}` });
    const decoded: unknown[] = [];
    const before: readonly unknown[] = Array.isArray(known) ? known : NONE;
    for (let index = 0; index < value.length; index += 1) {
      this.#path.push(index);
      const item: unknown = value[index];
      decoded.push(item === null || item === undefined ? zeroOf(items) : this.#value(items, item, owner, before[index]));
      this.#path.pop();
    }
    return decoded;
  }

  #map(items: ValuePlan, value: unknown, owner: ObjectPlan, known: unknown): Record<string, unknown> {
    if (!isRecord(value)) throw this.#mismatch(value, { struct: owner.struct, go: `map[string]${goType(items)}` });
    const decoded: Record<string, unknown> = {};
    const before = isRecord(known) ? known : undefined;
    for (const key of Object.keys(value)) {
      const item = value[key];
      this.#path.push(key);
      const result = item === null || item === undefined ? zeroOf(items) : this.#value(items, item, owner, before?.[key]);
      this.#path.pop();
      if (key === '__proto__')
        Object.defineProperty(decoded, key, { value: result, enumerable: true, writable: true, configurable: true });
      else decoded[key] = result;
    }
    return decoded;
  }

  #integer(go: 'int32' | 'int64', value: unknown, owner: ObjectPlan): number | bigint {
    if (typeof value === 'number' && Number.isInteger(value)) {
      if (go === 'int64' || (value >= -2147483648 && value <= 2147483647)) return value;
      throw this.#mismatch(`number ${value}`, { struct: owner.struct, go, literal: true });
    }
    if (typeof value === 'bigint' && go === 'int64' && BigInt.asIntN(64, value) === value) return value;
    const isNumber = typeof value === 'number' || typeof value === 'bigint';
    throw this.#mismatch(isNumber ? `number ${value}` : value, { struct: owner.struct, go, literal: isNumber });
  }

  #time(type: 'time' | 'microTime', value: unknown, owner: ObjectPlan): string | undefined {
    if (typeof value !== 'string')
      throw this.#mismatch(value, { struct: owner.struct, go: type === 'time' ? 'Time' : 'MicroTime' });
    if (value === '') return undefined;
    if (type === 'microTime' && MICRO.test(value)) return value;
    if (type === 'time' && SECONDS.test(value)) return this.#checkedTime(value, value);
    const ms = parseTime(value);
    return this.#checkedTime(value, ms === undefined ? value : type === 'time' ? formatTime(ms) : formatMicroTime(ms));
  }

  #checkedTime(text: string, canonical: string): string {
    if (parseTime(text) !== undefined) return canonical;
    throw badRequest(
      `parsing time ${JSON.stringify(text)} as "2006-01-02T15:04:05Z07:00": cannot parse ${JSON.stringify(text)} as "2006"`,
    );
  }

  #quantity(value: unknown, owner: ObjectPlan): string {
    if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'bigint') {
      throw this.#mismatch(value, { struct: owner.struct, go: 'resource.Quantity' });
    }
    try {
      return typeof value === 'string' ? canonicalText(value) : canonicalQuantity(value);
    } catch {
      throw badRequest("quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'");
    }
  }

  #checkBase64(text: string): void {
    if (text.length % 4 === 0 && BASE64.test(text)) return;
    const bad = /[^A-Za-z0-9+/=]/.exec(text);
    throw badRequest(`illegal base64 data at input byte ${bad?.index ?? Math.max(0, text.length - 1)}`);
  }

  #mismatch(value: unknown, { struct, go, literal = false }: { struct: string; go: string; literal?: boolean }): Error {
    const found = literal ? String(value) : jsonType(value);
    const path = this.#path.filter((step) => typeof step === 'string').join('.');
    const where = path === '' ? `Go value of type ${go}` : `Go struct field ${struct}.${path} of type ${go}`;
    return badRequest(`json: cannot unmarshal ${found} into ${where}`);
  }
}

const NONE: readonly unknown[] = [];
const JSON_SCHEMA = 'apiextensions.v1.JSONSchemaProps';
const canonicalText = remembering((text) => canonicalQuantity(text));
const MICRO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/;
const SECONDS = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isEmpty(value: unknown): boolean {
  if (value === '' || value === 0 || value === false) return true;
  if (typeof value !== 'object' || value === null) return false;
  if (Array.isArray(value)) return value.length === 0;
  for (const _key in value) return false;
  return true;
}

function zeroOf(plan: ValuePlan): unknown {
  switch (plan.type) {
    case 'string':
    case 'time':
    case 'microTime':
      return '';
    case 'integer':
    case 'number':
    case 'intOrString':
      return 0;
    case 'quantity':
      return '0';
    case 'boolean':
      return false;
    case 'array':
      return [];
    case 'object':
    case 'map':
      return {};
    case 'schemaOr':
    case 'any':
      return null;
  }
}

function jsonType(value: unknown): string {
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'boolean') return 'bool';
  if (typeof value === 'bigint') return 'number';
  return value === null ? 'null' : typeof value;
}

function goName(definition: string): string {
  const parts = definition.split('.');
  return parts.slice(-2).join('.');
}

function goType(plan: ValuePlan): string {
  switch (plan.type) {
    case 'object':
      return goName(plan.name);
    case 'integer':
      return plan.go;
    case 'boolean':
      return 'bool';
    case 'array':
      return `[]${goType(plan.items)}`;
    case 'map':
      return `map[string]${goType(plan.items)}`;
    default:
      return plan.type;
  }
}
