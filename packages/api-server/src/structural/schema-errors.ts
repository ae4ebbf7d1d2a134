import { invalidValue, notSupported, required, shownValue, tooLong, tooMany } from '../validation/errors.ts';
import type { FieldError } from '../validation/field-error.ts';

/** What Kubernetes calls the field of an error that is about no field in particular. */
export const NO_FIELD = '<nil>';

/** A place in a value: what comes before it in names of fields, and its path in the value. */
export interface Place {
  readonly prefix: string;
  readonly path: string;
}

function fieldOf({ prefix, path }: Place): string {
  const own = path.startsWith('.') ? path.slice(1) : path;
  if (own === '') return prefix === '' ? NO_FIELD : prefix;
  return prefix === '' ? own : `${prefix}.${own}`;
}

/** A text of its own. */
export function refused(place: Place, value: unknown, text: string): FieldError {
  return invalidValue(fieldOf(place), value, text);
}

/** `spec.replicas in body ...` */
export function wrong(place: Place, value: unknown, text: string): FieldError {
  return refused(place, value, `${place.path} in body ${text}`);
}

/** For what is said of the whole rather than of a field. */
export function wrongAlternative({ prefix, path }: Place, text: string): FieldError {
  return invalidValue(prefix === '' ? NO_FIELD : prefix, '', `${JSON.stringify(path)} ${text}`);
}

export function wrongNumber({ prefix, path }: Place, text: string): FieldError {
  return invalidValue(prefix === '' ? NO_FIELD : prefix, '', `${text} in ${path}`);
}

export function wrongType(place: Place, expected: string, found: string): FieldError {
  const error = wrong(place, found, `must be of type ${expected}: ${JSON.stringify(found)}`);
  return { ...error, type: 'FieldValueTypeInvalid' };
}

/** A text that is not of the format. */
export function wrongFormat(place: Place, format: string, text: string): FieldError {
  const error = wrong(place, text, `must be of type ${format}: ${JSON.stringify(text)}`);
  return { ...error, type: 'FieldValueTypeInvalid' };
}

export function missing(place: Place): FieldError {
  return required(fieldOf(place));
}

export function notInEnum(place: Place, value: unknown, values: readonly unknown[]): FieldError {
  const supported = values.map((each) => (typeof each === 'string' ? each : shownValue(each)));
  return notSupported(fieldOf(place), value, supported);
}

export function tooLongText(place: Place, max: number): FieldError {
  return tooLong(fieldOf(place), max);
}

export function tooManyItems(place: Place, actual: number, max: number): FieldError {
  return tooMany(fieldOf(place), actual, max);
}

export function forbiddenProperty(place: Place, name: string): FieldError {
  return refused(place, name, `${place.path}.${name} in body is a forbidden property`);
}
