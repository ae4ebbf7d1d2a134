import { KeelsonError, type StatusCause } from '@keelson/base';

/** The types of upstream's `field.Error`; each is also the reason of a cause in a Status, by the same name but for `Internal`. */
export type FieldErrorType =
  | 'FieldValueRequired'
  | 'FieldValueInvalid'
  | 'FieldValueNotSupported'
  | 'FieldValueForbidden'
  | 'FieldValueDuplicate'
  | 'FieldValueNotFound'
  | 'FieldValueTooLong'
  | 'FieldValueTooMany'
  | 'FieldValueTypeInvalid'
  | 'InternalError';

/** Something is wrong with one field. `message` is upstream's text without the field's name: `Required value: must be ...`. */
export interface FieldError {
  readonly type: FieldErrorType;
  /** A JSON path such as `spec.containers[0].name`. */
  readonly field: string;
  readonly message: string;
}

/** 422 `Invalid` with one cause a field error, worded as upstream's `errors.NewInvalid`. */
export function invalid(object: { group: string; kind: string; name: string }, errors: readonly FieldError[]): KeelsonError {
  const qualified = object.group === '' ? object.kind : `${object.kind}.${object.group}`;
  const texts = [...new Set(errors.map((error) => `${error.field}: ${error.message}`))];
  const list = texts.length === 1 ? texts[0] : `[${texts.join(', ')}]`;
  const causes: StatusCause[] = errors.map(({ type, message, field }) => ({ reason: type, message, field }));
  return new KeelsonError('Invalid', `${qualified} "${object.name}" is invalid: ${list}`, {
    details: { name: object.name, group: object.group, kind: object.kind, causes },
  });
}
