import type { KeelsonError } from '@keelson/base';
import type { ApiRequest } from '../request/api-request.ts';
import { notSupported } from '../validation/errors.ts';
import { invalid, type FieldError } from '../validation/field-error.ts';

const OF_METHOD: Readonly<Record<string, string>> = {
  POST: 'CreateOptions',
  PUT: 'UpdateOptions',
  PATCH: 'PatchOptions',
  DELETE: 'DeleteOptions',
};

/** 422 for options that are not what they may be, wherever they came from. */
export function invalidOptions(kind: string, errors: readonly FieldError[]): KeelsonError {
  return invalid({ group: 'meta.k8s.io', kind, name: '' }, errors);
}

/** 422 for an option of a write that is none of the supported ones. */
export function unsupportedOption(
  { method }: Pick<ApiRequest, 'method'>,
  field: string,
  { value, supported }: { readonly value: unknown; readonly supported: readonly string[] },
): KeelsonError {
  return invalidOptions(OF_METHOD[method] ?? 'ListOptions', [notSupported(field, value, supported)]);
}
