import { codeOf, GrpcError, type GrpcCode } from '../grpc-error.ts';
import type { IncomingHttpHeaders } from 'node:http2';

/** What HTTP's status means where no gRPC server answered, as gRPC's documents have it. */
const HTTP_CODES: Readonly<Record<number, GrpcCode>> = {
  400: 'INTERNAL',
  401: 'UNAUTHENTICATED',
  403: 'PERMISSION_DENIED',
  404: 'UNIMPLEMENTED',
  429: 'UNAVAILABLE',
  502: 'UNAVAILABLE',
  503: 'UNAVAILABLE',
  504: 'UNAVAILABLE',
};

/** What the server says of the call: undefined if nothing, `'OK'` if it went well. */
export function statusIn(headers: IncomingHttpHeaders | undefined): 'OK' | GrpcError | undefined {
  const text = headers?.['grpc-status'];
  if (typeof text !== 'string') return undefined;
  const code = codeOf(/^\d{1,3}$/.test(text) ? Number(text) : -1);
  if (code === 'OK') return 'OK';
  const message = headers?.['grpc-message'];
  return new GrpcError(code, typeof message === 'string' ? decodeMessage(message) : code, { sent: true });
}

/** The failure that an HTTP status other than 200 is. */
export function httpFailure(status: number | undefined): GrpcError | undefined {
  if (status === undefined || status === 200) return undefined;
  return new GrpcError(HTTP_CODES[status] ?? 'UNKNOWN', `The server answers with HTTP status ${status}`, { sent: true });
}

/** `grpc-message` is percent-encoded; what is encoded wrongly is taken as it is. */
function decodeMessage(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
