/** The machine-readable reasons of Kubernetes' `Status` objects (apimachinery `metav1.StatusReason`), with their HTTP codes. */
export const STATUS_CODES = {
  BadRequest: 400,
  Unauthorized: 401,
  Forbidden: 403,
  NotFound: 404,
  MethodNotAllowed: 405,
  NotAcceptable: 406,
  AlreadyExists: 409,
  Conflict: 409,
  Expired: 410,
  Gone: 410,
  RequestEntityTooLarge: 413,
  UnsupportedMediaType: 415,
  Invalid: 422,
  TooManyRequests: 429,
  InternalError: 500,
  ServerTimeout: 500,
  StoreReadError: 500,
  ServiceUnavailable: 503,
  Timeout: 504,
  Unknown: 500,
} as const;

/** A reason out of Kubernetes' closed list; callers branch on it, never on a message. */
export type StatusReason = keyof typeof STATUS_CODES;

/** One reason among several why something failed: `reason` is a `metav1.CauseType`, `field` a JSON path such as `spec.ports[0].port`. */
export interface StatusCause {
  readonly reason: string;
  readonly message: string;
  readonly field?: string;
}

/** What failed, in the terms of `metav1.StatusDetails`. */
export interface ErrorDetails {
  readonly name?: string;
  readonly group?: string;
  /** The kind, or for most errors the plural resource, as Kubernetes reports it. */
  readonly kind?: string;
  readonly uid?: string;
  readonly causes?: readonly StatusCause[];
  readonly retryAfterSeconds?: number;
}

export interface KeelsonErrorOptions {
  readonly details?: ErrorDetails;
  readonly cause?: unknown;
  /** The HTTP code, where it is not the usual one of the reason. */
  readonly code?: number;
}

/** The one error class of Keelson's packages. It becomes a Kubernetes `Status` without guessing. */
export class KeelsonError extends Error {
  override readonly name = 'KeelsonError';
  readonly reason: StatusReason;
  readonly code: number;
  readonly details: ErrorDetails | undefined;

  constructor(reason: StatusReason, message: string, options: KeelsonErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.reason = reason;
    this.code = options.code ?? STATUS_CODES[reason];
    this.details = options.details;
  }
}

/** True if `error` is a `KeelsonError` with one of `reasons`, or with any reason if none is given. */
export function isReason(error: unknown, ...reasons: readonly StatusReason[]): error is KeelsonError {
  return error instanceof KeelsonError && (reasons.length === 0 || reasons.includes(error.reason));
}

/** The text of anything that was thrown. */
export function errorMessage(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Throws an error that marks a bug in Keelson itself, unless `condition` holds. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(`Broken invariant: ${message}`);
}
