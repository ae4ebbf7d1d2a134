import { errorMessage, KeelsonError, STATUS_CODES, type ErrorDetails, type StatusCause, type StatusReason } from '@keelson/base';

/** `metav1.Status`, as every API failure carries it. */
export interface StatusObject {
  readonly kind: 'Status';
  readonly apiVersion: 'v1';
  readonly metadata: Record<string, never>;
  readonly status: 'Success' | 'Failure';
  readonly message?: string;
  readonly reason?: string;
  readonly details?: StatusDetails;
  readonly code?: number;
}

/** `metav1.StatusDetails`: as the details of an error, but a cause may have no reason. */
export interface StatusDetails extends Omit<ErrorDetails, 'causes'> {
  readonly causes?: readonly (Omit<StatusCause, 'reason'> & { readonly reason?: string })[];
}

/** Which resource an error is about. */
export interface ResourceName {
  readonly group: string;
  /** Plural. */
  readonly resource: string;
}

/** The Status of anything that was thrown. What is no `KeelsonError` is an `InternalError`. */
export function statusOf(error: unknown): StatusObject {
  const failure = error instanceof KeelsonError ? error : internalError(errorMessage(error));
  const { message, reason, code, details } = failure;
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message,
    // Upstream's `Unknown` is the empty reason.
    ...(reason !== 'Unknown' && { reason }),
    ...(details && { details: withoutEmpty(details) }),
    code,
  };
}

/** Kubernetes leaves out what is empty: the core group, and the reason of an internal error's cause. */
function withoutEmpty({ causes, ...details }: ErrorDetails): StatusDetails {
  const kept = Object.fromEntries(Object.entries(details).filter(([, value]) => value !== '' && value !== undefined));
  if (!causes || causes.length === 0) return kept;
  return { ...kept, causes: causes.map(({ reason, ...cause }) => (reason === '' ? cause : { reason, ...cause })) };
}

/** The way back: what a server answered, as an error. */
export function errorOf(status: Partial<StatusObject>, code = status.code ?? 500): KeelsonError {
  const reason = isKnown(status.reason) ? status.reason : reasonOfCode(code);
  const message = status.message ?? `the server answered ${code}`;
  return new KeelsonError(reason, message, { code, ...(status.details && { details: withReasons(status.details) }) });
}

function withReasons({ causes, ...details }: StatusDetails): ErrorDetails {
  return { ...details, ...(causes && { causes: causes.map((cause) => ({ ...cause, reason: cause.reason ?? '' })) }) };
}

function isKnown(reason: string | undefined): reason is StatusReason {
  return reason !== undefined && Object.hasOwn(STATUS_CODES, reason);
}

/** The usual reason of an HTTP code, for servers that answer no Status. */
export function reasonOfCode(code: number): StatusReason {
  if (code === 409) return 'Conflict';
  if (code === 410) return 'Expired';
  if (code === 500) return 'InternalError';
  const found = Object.entries(STATUS_CODES).find(([, known]) => known === code);
  return found && isKnown(found[0]) ? found[0] : 'Unknown';
}

function qualified({ group, resource }: ResourceName): string {
  return group === '' ? resource : `${resource}.${group}`;
}

function about({ group, resource }: ResourceName, name: string): ErrorDetails {
  return { ...(name !== '' && { name }), ...(group !== '' && { group }), kind: resource };
}

export function notFound(resource: ResourceName, name: string): KeelsonError {
  return new KeelsonError('NotFound', `${qualified(resource)} "${name}" not found`, { details: about(resource, name) });
}

export function alreadyExists(resource: ResourceName, name: string): KeelsonError {
  return new KeelsonError('AlreadyExists', `${qualified(resource)} "${name}" already exists`, { details: about(resource, name) });
}

const MODIFIED = 'the object has been modified; please apply your changes to the latest version and try again';

export function conflict(resource: ResourceName, name: string, why: string = MODIFIED): KeelsonError {
  const message = `Operation cannot be fulfilled on ${qualified(resource)} "${name}": ${why}`;
  return new KeelsonError('Conflict', message, { details: about(resource, name) });
}

export function forbidden(resource: ResourceName, name: string, why: string): KeelsonError {
  const subject = name === '' ? qualified(resource) : `${qualified(resource)} "${name}"`;
  return new KeelsonError('Forbidden', `${subject} is forbidden: ${why}`, { details: about(resource, name) });
}

/** For what would be made in a namespace that is going away. */
export function namespaceTerminating(resource: ResourceName, name: string, namespace: string): KeelsonError {
  const subject = name === '' ? qualified(resource) : `${qualified(resource)} "${name}"`;
  const message = `${subject} is forbidden: unable to create new content in namespace ${namespace} because it is being terminated`;
  const cause = {
    reason: 'NamespaceTerminating',
    message: `namespace ${namespace} is being terminated`,
    field: 'metadata.namespace',
  };
  return new KeelsonError('Forbidden', message, { details: { ...about(resource, name), causes: [cause] } });
}

export function badRequest(message: string): KeelsonError {
  return new KeelsonError('BadRequest', message);
}

export function unauthorized(): KeelsonError {
  return new KeelsonError('Unauthorized', 'Unauthorized');
}

/** For a path that is known, but not with this method. */
export function methodNotAllowed(): KeelsonError {
  return new KeelsonError('MethodNotAllowed', 'the server does not allow this method on the requested resource', { details: {} });
}

/** For a path that the server does not know. */
export function unknownPath(): KeelsonError {
  return new KeelsonError('NotFound', 'the server could not find the requested resource', { details: {} });
}

export function internalError(message: string): KeelsonError {
  return new KeelsonError('InternalError', `Internal error occurred: ${message}`, {
    details: { causes: [{ reason: '', message }] },
  });
}

export function unsupportedMediaType(accepted: readonly string[]): KeelsonError {
  return new KeelsonError(
    'UnsupportedMediaType',
    `the body of the request was in an unknown format - accepted media types include: ${accepted.join(', ')}`,
  );
}

export function notAcceptable(accepted: readonly string[]): KeelsonError {
  return new KeelsonError('NotAcceptable', `only the following media types are accepted: ${accepted.join(', ')}`);
}

/** A watch or list from a revision that is compacted away. */
export function expired(requested: number, oldest: number): KeelsonError {
  return new KeelsonError('Expired', `too old resource version: ${requested} (${oldest})`);
}

/** A read at a revision that is not there yet (upstream's `NewTooLargeResourceVersionError`). */
export function resourceVersionTooLarge(requested: number, current: number): KeelsonError {
  return new KeelsonError('Timeout', `Timeout: Too large resource version: ${requested}, current: ${current}`, {
    details: { retryAfterSeconds: 1, causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }] },
  });
}

export function tooManyRequests(message: string, retryAfterSeconds: number): KeelsonError {
  return new KeelsonError('TooManyRequests', message, { details: { retryAfterSeconds } });
}
