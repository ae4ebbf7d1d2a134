import { KeelsonError } from '@keelson/base';
import { GrpcError } from '@keelson/grpc';

/** What to do about a call that has failed: make it again on another member, or with a new token, or tell the caller. */
export type Remedy = 'another member' | 'another token' | 'none';

/** What members say before they have proposed anything to the others. */
const NOT_PROPOSED = /etcdserver: no leader|etcdserver: too many requests|raft proposal dropped|etcdserver: not capable/;
const STALE_TOKEN = /invalid auth token|auth: revision in header is old/;
const TOO_LARGE = /request is too large|too many operations|larger than max/;

/**
 * `repeatable`: the call may be made twice. One that may not is made again only if it is certain that it has had no effect and will have
 * none: a member that was asked to write and broke off may have passed the write on before.
 */
export function remedyOf(error: GrpcError, repeatable: boolean): Remedy {
  const { grpcCode, message, sent } = error;
  if (STALE_TOKEN.test(message) || (grpcCode === 'UNAUTHENTICATED' && sent)) return 'another token';
  if (isWithoutEffect(error)) return 'another member';
  const isOutage =
    grpcCode === 'UNAVAILABLE' || grpcCode === 'DEADLINE_EXCEEDED' || grpcCode === 'CANCELLED' || grpcCode === 'UNKNOWN';
  return repeatable && isOutage ? 'another member' : 'none';
}

function isWithoutEffect({ sent, message }: GrpcError): boolean {
  return !sent || NOT_PROPOSED.test(message);
}

/** The error of the store's contract for one of etcd. `action` says what was tried: `read "/a" at revision 7`. */
export function storeError(action: string, error: unknown, { writes = false } = {}): KeelsonError {
  if (!(error instanceof GrpcError)) {
    if (error instanceof KeelsonError) return error;
    throw error;
  }
  const { grpcCode, message } = error;
  const fail = (reason: KeelsonError['reason'], why: string): KeelsonError =>
    new KeelsonError(reason, `Cannot ${action}: ${why}`, { cause: error });
  if (message.includes('has been compacted')) return fail('Expired', 'it has been compacted');
  if (message.includes('is a future revision')) return fail('Timeout', 'etcd has not come to that revision');
  if (TOO_LARGE.test(message)) return fail('RequestEntityTooLarge', message);
  if (isWithoutEffect(error) || isRefusal(error)) return fail('ServiceUnavailable', message);
  if (writes) return fail('Timeout', `nobody knows whether it was done, or will be: ${message}`);
  return fail(grpcCode === 'DEADLINE_EXCEEDED' ? 'Timeout' : 'ServiceUnavailable', message);
}

/** The member has decided against it: no room, no permission. */
function isRefusal({ grpcCode }: GrpcError): boolean {
  return (
    grpcCode === 'RESOURCE_EXHAUSTED' ||
    grpcCode === 'PERMISSION_DENIED' ||
    grpcCode === 'UNAUTHENTICATED' ||
    grpcCode === 'FAILED_PRECONDITION' ||
    grpcCode === 'NOT_FOUND' ||
    grpcCode === 'INVALID_ARGUMENT' ||
    grpcCode === 'UNIMPLEMENTED'
  );
}
