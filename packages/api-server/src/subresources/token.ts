import { notFound, unknownPath } from '@keelson/api';
import type { TokenRequest } from '@keelson/api/authentication/v1';
import { KeelsonError } from '@keelson/base';
import { badRequest } from '@keelson/api';
import type { Pod } from '@keelson/api/core/v1';
import type { ApiResult } from '../response/api-result.ts';
import { invalid } from '../validation/field-error.ts';
import { decodeAs, fieldValidationOf, parseBody } from '../verbs/body.ts';
import { judgeGiven } from '../verbs/admit.ts';
import type { Call } from '../verbs/call.ts';

const KIND = { group: 'authentication.k8s.io', version: 'v1', kind: 'TokenRequest' };
const DEFAULT_SECONDS = 3_600;
const MIN_SECONDS = 600;
const MAX_SECONDS = 2 ** 32;

/** POST to a service account's `/token`. */
export async function issueToken(call: Call): Promise<ApiResult> {
  const { tokenIssuer } = call.services;
  if (!tokenIssuer) throw unknownPath();
  const request = decode(call);
  const account = await call.storage.current(call.namespace, call.name);
  if (!account) throw notFound(call.definition, call.name);
  const expirationSeconds = request.spec?.expirationSeconds ?? DEFAULT_SECONDS;
  check(call, expirationSeconds);
  await judgeGiven(call, request, KIND);
  const boundTo = await boundObject(call, request);
  const issued = await tokenIssuer.issue({
    serviceAccount: { namespace: account.namespace, name: account.name, uid: account.object().metadata?.uid ?? '' },
    audiences: request.spec?.audiences ?? [],
    expirationSeconds,
    ...(boundTo && { boundTo }),
  });
  const { token, expirationTimestamp, audiences } = issued;
  const value = {
    ...request,
    kind: 'TokenRequest',
    apiVersion: 'authentication.k8s.io/v1',
    metadata: { name: call.name, namespace: call.namespace },
    spec: { ...request.spec, audiences, expirationSeconds },
    status: { token, expirationTimestamp },
  };
  return { type: 'value', status: 201, value };
}

function decode(call: Call): TokenRequest {
  const validation = fieldValidationOf(call);
  const raw = parseBody(call.request.body, validation !== 'Ignore');
  if (raw.value === undefined) throw badRequest('EOF');
  return decodeAs('authentication.v1.TokenRequest', { raw, validation, warn: call.warn, kind: KIND }) as TokenRequest;
}

function check(call: Call, seconds: number): void {
  const field = 'spec.expirationSeconds';
  const refuse = (why: string): never => {
    throw invalid({ ...KIND, name: call.name }, [
      { type: 'FieldValueInvalid', field, message: `Invalid value: ${seconds}: ${why}` },
    ]);
  };
  if (seconds < MIN_SECONDS) refuse('may not specify a duration less than 10 minutes');
  if (seconds > MAX_SECONDS) refuse('may not specify a duration larger than 2^32 seconds');
}

const BINDABLE: Readonly<Record<string, string>> = { Pod: 'pods', Secret: 'secrets', Node: 'nodes' };

async function boundObject(call: Call, { spec }: TokenRequest) {
  const reference = spec?.boundObjectRef;
  if (!reference) return undefined;
  const { kind = '', name = '', uid } = reference;
  const definition = call.services.registry.find('', 'v1', BINDABLE[kind] ?? '');
  if (!definition) throw badRequest(`cannot bind token to object of type ${kind}`);
  const found = await call.services.storages.of(definition).current(call.namespace, name);
  if (!found) throw notFound(definition, name);
  const object = found.object() as Pod;
  const actual = object.metadata?.uid ?? '';
  if (uid && uid !== actual) {
    throw new KeelsonError(
      'Conflict',
      `Operation cannot be fulfilled on ${definition.resource} "${name}": the UID in the bound object reference (${uid}) does not match the UID in record. The object might have been deleted and then recreated`,
      {
        details: { name, kind: definition.resource },
      },
    );
  }
  const node = kind === 'Pod' ? object.spec?.nodeName : undefined;
  return { kind, name, uid: actual, ...(node && { node }) };
}
