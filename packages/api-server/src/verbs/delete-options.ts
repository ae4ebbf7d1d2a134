import { badRequest } from '@keelson/api';
import type { DeleteOptions } from '@keelson/api/meta/v1';
import { decodeAs, parseBody } from './body.ts';
import { invalidValue, notSupported } from '../validation/errors.ts';
import type { FieldError } from '../validation/field-error.ts';
import type { Call } from './call.ts';
import { invalidOptions } from './invalid-options.ts';

const KIND = { group: '', version: 'v1', kind: 'DeleteOptions' };
const POLICIES = ['Foreground', 'Background', 'Orphan'];

/** From the body, else from the query. */
export function deleteOptionsOf(call: Call): DeleteOptions {
  const raw = parseBody(call.request.body, false);
  const options: DeleteOptions = isSomething(raw.value) ? decodeOptions(call, raw.value) : fromQuery(call);
  const errors = errorsIn(options);
  if (errors.length > 0) throw invalidOptions('DeleteOptions', errors);
  return options;
}

function errorsIn({ propagationPolicy: policy, orphanDependents, dryRun = [] }: DeleteOptions): FieldError[] {
  const errors: FieldError[] = [];
  if (policy !== undefined && orphanDependents !== undefined) {
    errors.push(invalidValue('propagationPolicy', policy, 'orphanDependents and deletionPropagation cannot be both set'));
  }
  if (policy !== undefined && !POLICIES.includes(policy))
    errors.push(notSupported('propagationPolicy', policy, [...POLICIES, 'nil']));
  if (dryRun.some((value) => value !== 'All')) errors.push(notSupported('dryRun', dryRun, ['All']));
  return errors;
}

function isSomething(value: unknown): boolean {
  return value !== undefined && value !== null;
}

function decodeOptions(call: Call, value: unknown): DeleteOptions {
  const { kind } = value as { readonly kind?: unknown };
  if (typeof kind === 'string' && kind !== '' && kind !== 'DeleteOptions') {
    throw badRequest(`decoded object cannot be converted to DeleteOptions: no kind ${JSON.stringify(kind)} is registered`);
  }
  const raw = { value, duplicates: [] };
  // Checked by the schema of that name.
  return decodeAs('meta.v1.DeleteOptions', { raw, validation: 'Ignore', warn: call.warn, kind: KIND }) as DeleteOptions;
}

function fromQuery(call: Call): DeleteOptions {
  const { query } = call.request;
  const grace = query.get('gracePeriodSeconds');
  const policy = query.get('propagationPolicy');
  const options: DeleteOptions = {};
  if (grace !== undefined) {
    if (!/^-?\d+$/.test(grace)) throw badRequest(`strconv.ParseInt: parsing ${JSON.stringify(grace)}: invalid syntax`);
    options.gracePeriodSeconds = Number(grace);
  }
  if (policy !== undefined) options.propagationPolicy = policy;
  if (query.has('orphanDependents')) options.orphanDependents = query.flag('orphanDependents');
  return options;
}
