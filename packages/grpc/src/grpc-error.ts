import { KeelsonError, type StatusReason } from '@keelson/base';

/** gRPC's status codes by their numbers, with what they are in Kubernetes' terms. */
const CODES = [
  ['OK', 'Unknown'],
  ['CANCELLED', 'Timeout'],
  ['UNKNOWN', 'Unknown'],
  ['INVALID_ARGUMENT', 'BadRequest'],
  ['DEADLINE_EXCEEDED', 'Timeout'],
  ['NOT_FOUND', 'NotFound'],
  ['ALREADY_EXISTS', 'AlreadyExists'],
  ['PERMISSION_DENIED', 'Forbidden'],
  ['RESOURCE_EXHAUSTED', 'TooManyRequests'],
  ['FAILED_PRECONDITION', 'Conflict'],
  ['ABORTED', 'Conflict'],
  ['OUT_OF_RANGE', 'BadRequest'],
  ['UNIMPLEMENTED', 'MethodNotAllowed'],
  ['INTERNAL', 'InternalError'],
  ['UNAVAILABLE', 'ServiceUnavailable'],
  ['DATA_LOSS', 'InternalError'],
  ['UNAUTHENTICATED', 'Unauthorized'],
] as const satisfies readonly (readonly [string, StatusReason])[];

export type GrpcCode = (typeof CODES)[number][0];

const REASONS = Object.fromEntries(CODES) as Readonly<Record<GrpcCode, StatusReason>>;

/** The code of a number out of `grpc-status`; `UNKNOWN` for one that gRPC does not have. */
export function codeOf(number: number): GrpcCode {
  return CODES[number]?.[0] ?? 'UNKNOWN';
}

/** Why a call failed: what the server said, or what kept it from saying anything. */
export class GrpcError extends KeelsonError {
  readonly grpcCode: GrpcCode;
  /** False if it is certain that the server has not begun with the call: then it may be made again, whatever it does. */
  readonly sent: boolean;

  constructor(grpcCode: GrpcCode, message: string, { sent, cause }: { readonly sent: boolean; readonly cause?: unknown }) {
    super(REASONS[grpcCode], message, cause === undefined ? {} : { cause });
    this.grpcCode = grpcCode;
    this.sent = sent;
  }
}
