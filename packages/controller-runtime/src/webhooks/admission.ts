import { apiVersionOf, createJsonPatch, statusOf, type Kind, type KubernetesObject } from '@keelson/api';
import type { AdmissionRequest, AdmissionResponse, AdmissionReview } from '@keelson/api/admission/v1';
import { KeelsonError } from '@keelson/base';

export type Operation = 'CREATE' | 'UPDATE' | 'DELETE' | 'CONNECT';

/** What the API server asks about. */
export interface AdmissionCall<T extends KubernetesObject> {
  readonly operation: Operation;
  /** Absent for deletions. Frozen for validators; a copy that may be changed for defaulters. */
  readonly object: T | undefined;
  /** Absent for creations. Frozen. */
  readonly oldObject: T | undefined;
  /** All that is said of the request: user, names, subresource, options. */
  readonly request: Readonly<AdmissionRequest>;
  /** Nothing outside the request may be touched if set. */
  readonly dryRun: boolean;
  /** Shown to who asked, by kubectl for example. */
  warn(text: string): void;
  /** Goes into the audit log under the webhook's name. */
  audit(key: string, value: string): void;
}

/** One webhook: what it is asked about, and what it answers. Made by `mutating` and `validating`. */
export interface AdmissionWebhook {
  readonly type: 'mutating' | 'validating';
  readonly kind: Kind;
  readonly options: AdmissionWebhookOptions;
  /** Where it is served. */
  readonly path: string;
  review(review: AdmissionReview): Promise<AdmissionReview>;
}

/** Fields of the webhook's registration; the API server's defaults if absent. */
export interface AdmissionWebhookOptions {
  /** Default `CREATE` and `UPDATE`. */
  readonly operations?: readonly Operation[];
  /** Default `Fail`. */
  readonly failurePolicy?: 'Fail' | 'Ignore';
  /** Of the calls. Default 10. */
  readonly timeoutSeconds?: number;
  readonly namespaceSelector?: { readonly matchLabels?: Readonly<Record<string, string>> };
  readonly objectSelector?: { readonly matchLabels?: Readonly<Record<string, string>> };
  /** CEL expressions that must all hold. */
  readonly matchConditions?: readonly { readonly name: string; readonly expression: string }[];
  readonly reinvocationPolicy?: 'Never' | 'IfNeeded';
}

/** A webhook that sets defaults: `change` changes `object`, or returns another one. */
export function mutating<T extends KubernetesObject>(
  kind: Kind<T>,
  change: (object: T, call: AdmissionCall<T>) => T | void | Promise<T | void>,
  options: AdmissionWebhookOptions = {},
): AdmissionWebhook {
  const judge = async (call: AdmissionCall<T>): Promise<unknown> => {
    const { object } = call;
    if (object === undefined) return undefined;
    const before = structuredClone(object);
    const after = (await change(object, call)) ?? object;
    const patch = createJsonPatch(before, after);
    return patch.length === 0 ? undefined : patch;
  };
  return webhook<T>({ type: 'mutating', kind, options, judge });
}

/** A webhook that judges: `check` throws what is wrong (`new KeelsonError('Forbidden', ...)`, or any reason), and lets pass otherwise. */
export function validating<T extends KubernetesObject>(
  kind: Kind<T>,
  check: (call: AdmissionCall<T>) => void | Promise<void>,
  options: AdmissionWebhookOptions = {},
): AdmissionWebhook {
  const judge = async (call: AdmissionCall<T>): Promise<undefined> => {
    await check(call);
    return undefined;
  };
  return webhook<T>({ type: 'validating', kind, options, judge });
}

interface Webhook<T extends KubernetesObject> extends Pick<AdmissionWebhook, 'type' | 'options'> {
  readonly kind: Kind<T>;
  /** Gives a JSON patch, if anything is to be changed. */
  readonly judge: (call: AdmissionCall<T>) => Promise<unknown>;
}

function webhook<T extends KubernetesObject>({ type, kind, options, judge }: Webhook<T>): AdmissionWebhook {
  const verb = type === 'mutating' ? 'mutate' : 'validate';
  const path = `/${verb}-${kind.group.replaceAll('.', '-')}-${kind.version}-${kind.kind.toLowerCase()}`;
  return { type, kind, options, path, review: (review) => answer(review, judge) };
}

async function answer<T extends KubernetesObject>(
  { apiVersion, request }: AdmissionReview,
  judge: Webhook<T>['judge'],
): Promise<AdmissionReview> {
  if (apiVersion !== apiVersionOf(REVIEW) || request?.uid === undefined)
    throw new KeelsonError('BadRequest', `Cannot answer: an AdmissionReview of ${apiVersionOf(REVIEW)} with a request is wanted`);
  const warnings: string[] = [];
  const auditAnnotations: Record<string, string> = {};
  const verdict = await verdictOf(judge, {
    operation: request.operation as Operation,
    // The registration names the kind, and the API server sends no other.
    object: (request.object ?? undefined) as T | undefined,
    oldObject: (request.oldObject ?? undefined) as T | undefined,
    request,
    dryRun: request.dryRun === true,
    warn: (text) => void warnings.push(text),
    audit: (key, value) => void (auditAnnotations[key] = value),
  });
  const response: AdmissionResponse = {
    uid: request.uid,
    ...verdict,
    ...(warnings.length > 0 && { warnings }),
    ...(Object.keys(auditAnnotations).length > 0 && { auditAnnotations }),
  };
  return { apiVersion, kind: REVIEW.kind, response };
}

const REVIEW = { group: 'admission.k8s.io', version: 'v1', kind: 'AdmissionReview' } as const;

async function verdictOf<T extends KubernetesObject>(
  judge: Webhook<T>['judge'],
  call: AdmissionCall<T>,
): Promise<Omit<AdmissionResponse, 'uid'>> {
  try {
    const patch = await judge(call);
    if (patch === undefined) return { allowed: true };
    const bytes = new TextEncoder().encode(JSON.stringify(patch));
    return { allowed: true, patchType: 'JSONPatch', patch: base64(bytes) };
  } catch (error) {
    const { code, reason, message, details } = statusOf(error);
    return {
      allowed: false,
      status: { status: 'Failure', code, reason, message, ...(details && { details: details as never }) },
    };
  }
}

function base64(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}
