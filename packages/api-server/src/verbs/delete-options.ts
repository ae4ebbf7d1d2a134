import { badRequest } from '@keelson/api';
import type { DeleteOptions } from '@keelson/api/meta/v1';
import { decodeAs, parseBody } from './body.ts';
import type { Call } from './call.ts';

const KIND = { group: '', version: 'v1', kind: 'DeleteOptions' };
const POLICIES = new Set(['Background', 'Foreground', 'Orphan']);

/** From the body, else from the query. */
export function deleteOptionsOf(call: Call): DeleteOptions {
  const raw = parseBody(call.request.body, false);
  const options: DeleteOptions = isSomething(raw.value) ? decodeOptions(call, raw.value) : fromQuery(call);
  const policy = options.propagationPolicy;
  if (policy !== undefined && !POLICIES.has(policy)) {
    throw badRequest(
      `DeleteOptions.meta.k8s.io "" is invalid: propagationPolicy: Unsupported value: ${JSON.stringify(policy)}: supported values: "Background", "Foreground", "Orphan", "nil"`,
    );
  }
  if (policy !== undefined && options.orphanDependents !== undefined) {
    throw badRequest(
      'DeleteOptions.meta.k8s.io "" is invalid: propagationPolicy: Invalid value: orphanDependents and deletionPropagation cannot be both set',
    );
  }
  return options;
}

function isSomething(value: unknown): boolean {
  return value !== undefined && value !== null;
}

function decodeOptions(call: Call, value: unknown): DeleteOptions {
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
