import { Field } from '../validation/field.ts';
import type { FieldError } from '../validation/field-error.ts';
import { invalidOptions } from '../verbs/invalid-options.ts';
import type { ApiRequest } from '../request/api-request.ts';

const MAX_BYTES = 128;
/** What Go calls printable: letters, marks, numbers, punctuation, symbols and the plain space. */
const PRINTABLE = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u;
const ALL_PRINTABLE = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]*$/u;
const PLAIN = /^[\x20-\x7e]*$/;

/** Whose changes these are: what the query says, else the product that the client calls itself. */
export function managerOf({ query, userAgent }: Pick<ApiRequest, 'query' | 'userAgent'>): string {
  return query.get('fieldManager') ?? (productOf(userAgent ?? '') || 'unknown');
}

/** `kubectl` of `kubectl/v1.36.0 (linux/amd64) kubernetes/abcdef`. */
function productOf(userAgent: string): string {
  const slash = userAgent.indexOf('/');
  const product = slash < 0 ? userAgent : userAgent.slice(0, slash);
  if (product.length <= MAX_BYTES && PLAIN.test(product)) return product;
  let kept = '';
  let sizeBytes = 0;
  for (const character of product) {
    if (!PRINTABLE.test(character)) continue;
    sizeBytes += Buffer.byteLength(character);
    if (sizeBytes > MAX_BYTES) break;
    kept += character;
  }
  return kept;
}

/** What a client may say of itself and of its patch. `options` is the kind that upstream's errors are about. */
export function checkManagerOptions({ query }: Pick<ApiRequest, 'query'>, options: 'CreateOptions' | 'UpdateOptions'): void {
  const errors = nameErrors(query.get('fieldManager'));
  if (errors.length > 0) throw invalidOptions(options, errors);
}

/** The same for patches, among which only those of server-side apply need a manager and may be forced. */
export function checkPatchOptions({ query }: Pick<ApiRequest, 'query'>, isApply: boolean): void {
  const manager = query.get('fieldManager');
  const errors: FieldError[] = [];
  if (isApply && manager === undefined) Field.root(errors, 'fieldManager').required('is required for apply patch');
  if (!isApply && query.has('force')) Field.root(errors, 'force').forbidden('may not be specified for non-apply patch');
  errors.push(...nameErrors(manager));
  if (errors.length > 0) throw invalidOptions('PatchOptions', errors);
}

function nameErrors(manager: string | undefined): FieldError[] {
  const errors: FieldError[] = [];
  if (manager === undefined) return errors;
  const field = Field.root(errors, 'fieldManager');
  if (Buffer.byteLength(manager) > MAX_BYTES) field.tooLong(MAX_BYTES);
  if (ALL_PRINTABLE.test(manager)) return errors;
  let at = 0;
  for (const character of manager) {
    if (!PRINTABLE.test(character)) {
      field.invalid(manager, `invalid character ${codePointText(character)} (at position ${at})`);
    }
    at += Buffer.byteLength(character);
  }
  return errors;
}

function codePointText(character: string): string {
  return `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}`;
}
