/**
 * Names a contract in a dependency injection container and carries its type, so that a binding of the wrong class does not compile.
 * It is a symbol at run time; to the type checker it looks like an abstract class of `T`, which is how inversify reads a type off an
 * identifier.
 */
export type Token<T> = abstract new (...args: unknown[]) => T;

/** Makes the token of a contract; `name` should be unique, such as `@keelson/store:Store`. The same name gives the same token. */
export function token<T>(name: string): Token<T> {
  // The one place where a symbol passes for a type: see `Token`.
  return Symbol.for(name) as unknown as Token<T>;
}
