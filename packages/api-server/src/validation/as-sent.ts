/** An object as a client sent it: also what the API demands may be missing, until validation has seen it. */
export function asSent<T extends object>(object: T | undefined): Partial<T> {
  return object ?? {};
}
