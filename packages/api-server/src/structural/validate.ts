import { deepEqual } from '@keelson/api';
import type { FieldError } from '../validation/field-error.ts';
import { beforeOfField, beforeOfItem, type Before } from './correlation.ts';
import { formatOf, hasFormat } from './formats.ts';
import { numberErrors, isInteger } from './number-checks.ts';
import { findPattern } from './pattern.ts';
import {
  forbiddenProperty,
  missing,
  notInEnum,
  tooLongText,
  tooManyItems,
  wrong,
  wrongAlternative,
  wrongFormat,
  wrongType,
  type Place,
} from './schema-errors.ts';
import { SchemaResult } from './schema-result.ts';
import { isRecord, isSchema, itemsOf, META_FIELDS, propertyOf, type StructuralSchema } from './structural-schema.ts';

export interface ValidateOptions {
  /** What the value was before a change: what is still the same is not judged again. */
  readonly before?: Before | undefined;
  /** What stands before each field's name, such as `status`. */
  readonly prefix?: string;
}

/**
 * Everything that the schema itself says of a value, in upstream's words. Rules (`x-kubernetes-validations`), keys of lists and embedded
 * metadata are checked elsewhere.
 */
export function validateSchema(schema: StructuralSchema, value: unknown, options: ValidateOptions = {}): readonly FieldError[] {
  const { before, prefix = '' } = options;
  return new Validation(prefix).run({ schema, value, path: '', before }).errors;
}

interface Subject {
  readonly schema: StructuralSchema;
  readonly value: unknown;
  readonly path: string;
  readonly before: Before | undefined;
}

class Validation {
  readonly #prefix: string;

  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  /** Checks a value, and forgives what was wrong before and is unchanged. */
  run(subject: Subject): SchemaResult {
    const result = this.#check(subject);
    if (result.isValid || !subject.before || !deepEqual(subject.before.value, subject.value)) return result;
    const forgiven = new SchemaResult();
    forgiven.matches = result.matches;
    return forgiven;
  }

  #check(subject: Subject): SchemaResult {
    const { schema, value } = subject;
    const result = new SchemaResult();
    const place = this.#place(subject);
    const fault = typeError(schema, value, place);
    result.add(fault);
    result.matches += fault ? 2 : 3;
    if (value !== null && value !== undefined) this.#alternatives(subject, result);
    switch (typeof value) {
      case 'string':
        for (const error of textErrors(schema, value, place)) result.add(error);
        break;
      case 'number':
      case 'bigint':
        for (const error of numberErrors(schema, value, place)) result.add(error);
        break;
      default:
        break;
    }
    if (Array.isArray(value)) this.#items(subject, value, result);
    if (schema.enum && !schema.enum.some((each) => deepEqual(each, value))) result.add(notInEnum(place, value, schema.enum));
    if (isRecord(value)) this.#fields(subject, value, result);
    return result;
  }

  #place({ path }: Subject): Place {
    return { prefix: this.#prefix, path };
  }

  #items({ schema, path, before }: Subject, value: readonly unknown[], result: SchemaResult): void {
    const place = { prefix: this.#prefix, path };
    const items = itemsOf(schema);
    for (let index = 0; items && index < value.length; index += 1) {
      const item = value[index];
      const was = beforeOfItem(schema, before, item);
      result.merge(this.run({ schema: items, value: item, path: `${path}[${index}]`, before: was }));
    }
    const { minItems, maxItems } = schema;
    if (minItems !== undefined && value.length < minItems)
      result.add(wrong(place, value.length, `should have at least ${minItems} items`));
    if (maxItems !== undefined && value.length > maxItems) result.add(tooManyItems(place, value.length, maxItems));
    result.matches += 2;
  }

  #fields(subject: Subject, value: Readonly<Record<string, unknown>>, result: SchemaResult): void {
    const { schema, path } = subject;
    const place = { prefix: this.#prefix, path };
    const names = Object.keys(value);
    const { minProperties, maxProperties, required = [] } = schema;
    if (minProperties !== undefined && names.length < minProperties)
      result.add(wrong(place, names.length, `should have at least ${minProperties} properties`));
    if (maxProperties !== undefined && names.length > maxProperties) result.add(tooManyItems(place, names.length, maxProperties));
    for (const name of names) this.#field(subject, name, { value: value[name], result });
    for (const name of required) {
      if (!Object.hasOwn(value, name)) result.add(missing({ prefix: this.#prefix, path: `${path}.${name}` }));
    }
  }

  #field(
    { schema, path, before }: Subject,
    name: string,
    { value, result }: { readonly value: unknown; readonly result: SchemaResult },
  ): void {
    const own = propertyOf(schema, name);
    const { additionalProperties } = schema;
    if (!own && additionalProperties === false) return result.add(forbiddenProperty({ prefix: this.#prefix, path }, name));
    const field = own ?? (isSchema(additionalProperties) ? additionalProperties : undefined);
    if (!field) return;
    const at = own && path === '' ? name : `${path}.${name}`;
    // Both versions of an object have been brought to one apiVersion: that it is the same says nothing.
    const was = path === '' && META_FIELDS.has(name) && name !== 'metadata' ? undefined : beforeOfField(schema, before, name);
    result.merge(this.run({ schema: field, value, path: at, before: was }));
  }

  #alternatives(subject: Subject, result: SchemaResult): void {
    const { schema } = subject;
    if (schema.anyOf?.length) this.#anyOf(subject, schema.anyOf, result);
    if (schema.oneOf?.length) this.#oneOf(subject, schema.oneOf, result);
    if (schema.allOf?.length) this.#allOf(subject, schema.allOf, result);
    if (schema.not && this.#check({ ...subject, schema: schema.not }).isValid)
      result.add(wrongAlternative(this.#place(subject), 'must not validate the schema (not)'));
    result.matches += 1;
  }

  #anyOf(subject: Subject, schemas: readonly StructuralSchema[], result: SchemaResult): void {
    let best: SchemaResult | undefined;
    for (const schema of schemas) {
      const each = this.#check({ ...subject, schema });
      if (each.isValid) return result.merge(each);
      if (!best || each.matches > best.matches) best = each;
    }
    result.add(wrongAlternative(this.#place(subject), 'must validate at least one schema (anyOf)'));
    if (best) result.merge(best);
  }

  #oneOf(subject: Subject, schemas: readonly StructuralSchema[], result: SchemaResult): void {
    const results = schemas.map((schema) => this.#check({ ...subject, schema }));
    const valid = results.filter(({ isValid }) => isValid);
    const [first] = valid;
    if (first && valid.length === 1) return result.merge(first);
    const found = first ? `Found ${valid.length} valid alternatives` : 'Found none valid';
    result.add(wrongAlternative(this.#place(subject), `must validate one and only one schema (oneOf). ${found}`));
    if (first) return;
    result.merge(results.reduce((best, each) => (each.matches > best.matches ? each : best)));
  }

  #allOf(subject: Subject, schemas: readonly StructuralSchema[], result: SchemaResult): void {
    let validated = 0;
    for (const schema of schemas) {
      const each = this.#check({ ...subject, schema });
      if (each.isValid) validated += 1;
      result.merge(each);
    }
    if (validated === schemas.length) return;
    const none = validated === 0 ? '. None validated' : '';
    result.add(wrongAlternative(this.#place(subject), `must validate all the schemas (allOf)${none}`));
  }
}

/** Types of a schema, by JSON's names. */
function typesOf(schema: StructuralSchema): readonly string[] {
  if (schema['x-kubernetes-int-or-string'] === true) return ['integer', 'string'];
  return schema.type === undefined || schema.type === '' ? [] : [schema.type];
}

function typeError(schema: StructuralSchema, value: unknown, place: Place): FieldError | undefined {
  const types = typesOf(schema);
  const wanted = types.join(',');
  if (value === null || value === undefined) {
    return types.length === 0 || schema.nullable === true ? undefined : wrongType(place, wanted, 'null');
  }
  const found = jsonTypeOf(value);
  const fits = types.includes(found) || (found === 'integer' && types.includes('number'));
  const format = formatOf(schema);
  const isNumeric = types.includes('number') || types.includes('integer');
  if (format !== '') {
    if (found !== 'string' && found !== 'array' && !fits) return wrongType(place, format, goFormatOf(found));
    // Upstream leaves texts with a format to whoever checks the format, and lists with them.
    if (!isNumeric && (found === 'string' || found === 'array')) return undefined;
  }
  return types.length === 0 || fits ? undefined : wrongType(place, wanted, found);
}

function jsonTypeOf(value: unknown): string {
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'number' || typeof value === 'bigint') return isInteger(value) ? 'integer' : 'number';
  return typeof value;
}

function goFormatOf(type: string): string {
  if (type === 'integer') return 'int64';
  return type === 'number' ? 'float64' : '';
}

function textErrors(schema: StructuralSchema, text: string, place: Place): FieldError[] {
  const errors: FieldError[] = [];
  const first = lengthError(schema, text, place) ?? patternError(schema, text, place);
  if (first) errors.push(first);
  const format = formatOf(schema);
  if (format !== '' && !hasFormat(format, text)) errors.push(wrongFormat(place, format, text));
  return errors;
}

function lengthError({ minLength, maxLength }: StructuralSchema, text: string, place: Place): FieldError | undefined {
  if (minLength === undefined && maxLength === undefined) return undefined;
  const length = lengthOf(text);
  if (maxLength !== undefined && length > maxLength) return tooLongText(place, maxLength);
  if (minLength === undefined || length >= minLength) return undefined;
  return wrong(place, text, `should be at least ${minLength} chars long`);
}

/** In code points, as Go counts. */
function lengthOf(text: string): number {
  let length = text.length;
  for (let at = 0; at < text.length - 1; at += 1) {
    const isPair = (text.charCodeAt(at) & 0xfc00) === 0xd800 && (text.charCodeAt(at + 1) & 0xfc00) === 0xdc00;
    if (isPair) length -= 1;
  }
  return length;
}

function patternError({ pattern }: StructuralSchema, text: string, place: Place): FieldError | undefined {
  const result = pattern === undefined || pattern === '' ? 'found' : findPattern(pattern, text);
  if (result === 'found') return undefined;
  if (result === 'absent') return wrong(place, text, `should match '${pattern}'`);
  return wrong(place, `${text.slice(0, 100)}...`, `is too long to be matched with '${pattern}'`);
}
