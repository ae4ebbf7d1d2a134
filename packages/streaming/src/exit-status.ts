import { errorMessage, KeelsonError, type StatusReason } from '@keelson/base';

/** What the error channel of `v4.channel.k8s.io` and later carries: a `metav1.Status`, in short. */
interface ExitStatus {
  readonly metadata: Record<string, never>;
  readonly status: 'Success' | 'Failure';
  readonly message?: string;
  readonly reason?: string;
  readonly details?: { readonly causes?: readonly { readonly reason?: string; readonly message?: string }[] };
  readonly code?: number;
}

/** The end of a process as the client reads it from the error channel. */
export function exitStatus(exitCode: number): ExitStatus {
  if (exitCode === 0) return { metadata: {}, status: 'Success' };
  return {
    metadata: {},
    status: 'Failure',
    message: `command terminated with non-zero exit code: exit status ${exitCode}`,
    reason: 'NonZeroExitCode',
    details: { causes: [{ reason: 'ExitCode', message: String(exitCode) }] },
  };
}

/** A command that could not be run, or whose end was not seen. */
export function failureStatus(error: unknown): ExitStatus {
  const message = errorMessage(error);
  if (error instanceof KeelsonError) return { metadata: {}, status: 'Failure', message, reason: error.reason, code: error.code };
  const cause = `error executing command in container: ${message}`;
  return {
    metadata: {},
    status: 'Failure',
    message: `Internal error occurred: ${cause}`,
    reason: 'InternalError',
    details: { causes: [{ message: cause }] },
    code: 500,
  };
}

/** What protocols before v4 put on the error channel: nothing for success, else a text. */
export function plainText(status: ExitStatus): string {
  return status.status === 'Success' ? '' : (status.message ?? 'unknown error');
}

/** Reads a status back: the exit code, or throws what kept the command from running. An empty text is success. */
export function readExitStatus(text: string): number {
  if (text === '') return 0;
  const status = parse(text);
  if (status.status === 'Success') return 0;
  const cause = status.details?.causes?.find(({ reason }) => reason === 'ExitCode');
  if (status.reason === 'NonZeroExitCode' && cause?.message !== undefined) return Number(cause.message);
  // An unknown reason becomes `Unknown` with the code that it came with.
  const reason = (status.reason ?? 'Unknown') as StatusReason;
  throw new KeelsonError(
    reason,
    status.message ?? 'remote command failed',
    status.code === undefined ? {} : { code: status.code },
  );
}

function parse(text: string): ExitStatus {
  try {
    return JSON.parse(text) as ExitStatus;
  } catch {
    return { metadata: {}, status: 'Failure', message: text, reason: 'InternalError', code: 500 };
  }
}
