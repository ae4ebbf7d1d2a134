import { errorMessage, KeelsonError, type StatusReason } from '@keelson/base';
import type { EngineCall } from './engine-client.ts';

const REASONS: Readonly<Record<number, StatusReason>> = {
  400: 'BadRequest',
  401: 'Forbidden',
  403: 'Forbidden',
  404: 'NotFound',
  409: 'Conflict',
  501: 'MethodNotAllowed',
  503: 'ServiceUnavailable',
};

/** What the engine answered with, other than success. */
export function engineError(call: EngineCall, statusCode: number, body: Buffer): KeelsonError {
  const message = wordsOf(body.toString()) || `${call.method} ${call.path} was answered with ${statusCode}`;
  return new KeelsonError(REASONS[statusCode] ?? 'InternalError', message);
}

export function unreachable(engine: string, { method, path }: EngineCall, cause: unknown): KeelsonError {
  return new KeelsonError(
    'ServiceUnavailable',
    `The Docker engine at ${engine} does not answer ${method} ${path}: ${errorMessage(cause)}`,
    {
      cause,
    },
  );
}

function wordsOf(body: string): string {
  try {
    const { message } = JSON.parse(body) as { message?: unknown };
    return typeof message === 'string' ? message.trim() : '';
  } catch {
    return body.trim();
  }
}
