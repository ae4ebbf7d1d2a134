import { badRequest } from '@keelson/api';

/** Where a list goes on. */
export interface ContinueToken {
  /** -1: at whatever revision is the newest. */
  readonly revision: number;
  /** Behind this key. */
  readonly after: string;
}

const VERSION = 'keelson/v1';

/** Opaque to clients. */
export function writeContinue({ revision, after }: ContinueToken): string {
  return Buffer.from(JSON.stringify({ v: VERSION, rv: revision, after })).toString('base64url');
}

export function readContinue(text: string): ContinueToken {
  try {
    const parsed: unknown = JSON.parse(Buffer.from(text, 'base64url').toString());
    if (isToken(parsed)) return { revision: parsed.rv, after: parsed.after };
  } catch {
    // Falls through to the refusal.
  }
  throw badRequest('invalid continue token: continue key is not valid');
}

function isToken(value: unknown): value is { rv: number; after: string } {
  if (typeof value !== 'object' || value === null) return false;
  const { v, rv, after } = value as Record<string, unknown>;
  return v === VERSION && Number.isSafeInteger(rv) && typeof after === 'string' && after.startsWith('/registry/');
}
