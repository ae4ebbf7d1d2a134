import { parseJson, stringifyJson } from '@keelson/api';
import { KeelsonError, type StatusReason } from '@keelson/base';
import { reasonOfCode } from '@keelson/api';
import { WebhookFailure } from '../../webhooks/webhook-client.ts';
import type { ReviewRequest } from '../dynamic/review-request.ts';

const GROUP = 'admission.k8s.io';

/** What a webhook has answered. */
export interface Verdict {
  readonly allowed: boolean;
  /** The status of a refusal. */
  readonly status: { readonly code?: number; readonly reason?: string; readonly message?: string };
  /** A JSON patch, parsed; absent if there is none. */
  readonly patch?: unknown;
  readonly warnings: readonly string[];
  readonly auditAnnotations: Readonly<Record<string, string>>;
}

/** The first version of reviews that both know. */
export function reviewVersion(versions: readonly string[] | undefined): string {
  const known = (versions ?? []).find((version) => version === 'v1' || version === 'v1beta1');
  if (known === undefined) throw new WebhookFailure('webhook does not accept known AdmissionReview versions (v1, v1beta1)');
  return known;
}

export function encodeReview(version: string, request: ReviewRequest, objects: { object: unknown; oldObject: unknown }): string {
  const { options, ...rest } = request;
  const { object = null, oldObject = null } = objects;
  return stringifyJson({
    kind: 'AdmissionReview',
    apiVersion: `${GROUP}/${version}`,
    request: { ...rest, object, oldObject, options },
  });
}

interface Response {
  readonly uid?: string;
  readonly allowed?: boolean;
  readonly status?: Verdict['status'];
  readonly patch?: string;
  readonly patchType?: string;
  readonly warnings?: readonly string[];
  readonly auditAnnotations?: Record<string, string>;
}

/** Reads an answer. Throws `WebhookFailure` for what is no answer to that question. */
export function decodeReview(text: string, version: string, { uid }: ReviewRequest, mayPatch: boolean): Verdict {
  const { kind, apiVersion, response } = parsed(text);
  const wanted = `${GROUP}/${version}`;
  const isV1 = version === 'v1';
  if (isV1 && (kind !== 'AdmissionReview' || apiVersion !== wanted)) {
    throw new WebhookFailure(
      `received invalid webhook response: expected webhook response of ${wanted}, Kind=AdmissionReview, got ${apiVersion ?? ''}, Kind=${kind ?? ''}`,
    );
  }
  if (!response) throw new WebhookFailure('webhook response was absent');
  if (isV1 && response.uid !== uid) {
    throw new WebhookFailure(
      `received invalid webhook response: expected response.uid=${JSON.stringify(uid)}, got ${JSON.stringify(response.uid ?? '')}`,
    );
  }
  const patch = patchOf(response, isV1);
  if (patch !== undefined && !mayPatch)
    throw new WebhookFailure('received invalid webhook response: webhook response.patch is not allowed');
  return {
    allowed: response.allowed === true,
    status: response.status ?? {},
    ...(patch !== undefined && { patch }),
    warnings: response.warnings ?? [],
    auditAnnotations: response.auditAnnotations ?? {},
  };
}

function parsed(text: string): { readonly kind?: string; readonly apiVersion?: string; readonly response?: Response } {
  try {
    const value = parseJson(text);
    if (typeof value === 'object' && value !== null) return value;
  } catch {
    // Told below, as all else that is no review.
  }
  throw new WebhookFailure('received invalid webhook response: it is no AdmissionReview');
}

function patchOf({ patch, patchType }: Response, isV1: boolean): unknown {
  if (patch === undefined || patch === '') {
    if (isV1 && patchType !== undefined)
      throw new WebhookFailure('received invalid webhook response: webhook returned response.patchType but not response.patch');
    return undefined;
  }
  if (isV1 && patchType === undefined)
    throw new WebhookFailure('received invalid webhook response: webhook returned response.patch but not response.patchType');
  if (patchType !== undefined && patchType !== 'JSONPatch') {
    throw new WebhookFailure(
      `received invalid webhook response: webhook returned invalid response.patchType of ${patchType}, expected JSONPatch`,
    );
  }
  try {
    return parseJson(Buffer.from(patch, 'base64').toString());
  } catch {
    throw new WebhookFailure('received invalid webhook response: response.patch is no JSON');
  }
}

/** A refusal as the client gets it: with the webhook's code, reason and message. */
export function refusal(name: string, { code = 0, reason = '', message = '' }: Verdict['status']): KeelsonError {
  const shown = code < 400 ? 400 : code;
  const denied = `admission webhook ${JSON.stringify(name)} denied the request`;
  const text =
    message !== '' ? `${denied}: ${message}` : reason !== '' ? `${denied}: ${reason}` : `${denied} without explanation`;
  return new KeelsonError(reasonFor(shown), text, { code: shown });
}

function reasonFor(code: number): StatusReason {
  return reasonOfCode(code);
}
