import type { FieldError, FieldErrorType } from './field-error.ts';

const TITLES: Readonly<Record<FieldErrorType, string>> = {
  FieldValueRequired: 'Required value',
  FieldValueInvalid: 'Invalid value',
  FieldValueNotSupported: 'Unsupported value',
  FieldValueForbidden: 'Forbidden',
  FieldValueDuplicate: 'Duplicate value',
  FieldValueNotFound: 'Not found',
  FieldValueTooLong: 'Too long',
  FieldValueTooMany: 'Too many',
  FieldValueTypeInvalid: 'Invalid value',
  InternalError: 'Internal error',
};

/** Longer values are cut: they can be as long as a request, and be shown many times. */
const MAX_SHOWN = 16 * 1024;

/** What is checked most of all: nothing is wrong. */
export const NO_ERRORS: readonly FieldError[] = [];

/** A value as Kubernetes prints it in an error: texts quoted, an absent one as `"null"`, an absent list as `null`, anything else as JSON. */
export function shownValue(value: unknown): string {
  const text = wholeValue(value);
  return text.length <= MAX_SHOWN ? text : `${text.slice(0, MAX_SHOWN)}...`;
}

function wholeValue(value: unknown): string {
  if (value === undefined) return '"null"';
  if (typeof value === 'string') return quoted(value);
  const json = JSON.stringify(value, (_key, part: unknown) => (typeof part === 'bigint' ? Number(part) : part));
  // Go writes JSON so that it can stand in HTML.
  return json.replaceAll(/[<>&\u2028\u2029]/g, (character) => `\\u${hex(character, 4)}`);
}

/** As Go's `%q` does it, which names control characters other than JSON does. */
function quoted(text: string): string {
  return JSON.stringify(text).replaceAll(/\\u00([01][0-9a-f])|\u007f/g, (escaped, code: string | undefined) => {
    if (code === '07') return String.raw`\a`;
    if (code === '0b') return String.raw`\v`;
    return `\\x${code ?? hex(escaped, 2)}`;
  });
}

function hex(character: string, digits: number): string {
  return character.charCodeAt(0).toString(16).padStart(digits, '0');
}

function fieldError(type: FieldErrorType, field: string, parts: { value?: string; detail?: string | undefined }): FieldError {
  const value = parts.value === undefined ? '' : `: ${parts.value}`;
  const detail = parts.detail === undefined || parts.detail === '' ? '' : `: ${parts.detail}`;
  return { type, field, message: `${TITLES[type]}${value}${detail}` };
}

/** `Required value: must be ...` */
export function required(field: string, detail?: string): FieldError {
  return fieldError('FieldValueRequired', field, { detail });
}

/** `Invalid value: "x": must be ...` */
export function invalidValue(field: string, value: unknown, detail?: string): FieldError {
  return fieldError('FieldValueInvalid', field, { value: shownValue(value), detail });
}

/** `Invalid value: must be ...`: of something that is too large to be shown, or of nothing in particular. */
export function invalidAsIs(field: string, detail: string): FieldError {
  return fieldError('FieldValueInvalid', field, { detail });
}

/** `Unsupported value: "x": supported values: "a", "b"`; the supported values appear in the order in which they are given. */
export function notSupported(field: string, value: unknown, supported: readonly string[]): FieldError {
  const list = supported.map(quoted).join(', ');
  return fieldError('FieldValueNotSupported', field, {
    value: shownValue(value),
    detail: list === '' ? '' : `supported values: ${list}`,
  });
}

/** `Duplicate value: "x"` */
export function duplicate(field: string, value: unknown): FieldError {
  return fieldError('FieldValueDuplicate', field, { value: shownValue(value) });
}

/** `Forbidden: may not be ...` */
export function forbidden(field: string, detail: string): FieldError {
  return fieldError('FieldValueForbidden', field, { detail });
}

/** `Not found: "x"` */
export function notFound(field: string, value: unknown): FieldError {
  return fieldError('FieldValueNotFound', field, { value: shownValue(value) });
}

/** `Too long: may not be more than 63 bytes` */
export function tooLong(field: string, maxBytes: number): FieldError {
  return fieldError('FieldValueTooLong', field, {
    detail: `may not be more than ${maxBytes} ${maxBytes === 1 ? 'byte' : 'bytes'}`,
  });
}

/** `Too many: 17: must have at most 16 items` */
export function tooMany(field: string, actual: number, max: number): FieldError {
  const detail = `must have at most ${max} ${max === 1 ? 'item' : 'items'}`;
  return fieldError('FieldValueTooMany', field, { value: String(actual), detail });
}
