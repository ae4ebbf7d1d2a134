import type * as parts from './library-parts.ts';

type Library = typeof parts;

let loading: Promise<Library> | undefined;
let loaded: Library | undefined;

/**
 * Loads the parser, which takes some tens of milliseconds: programs that never see an expression need not pay for it. Expressions can be
 * compiled from then on. May be called any number of times.
 */
export async function loadCel(): Promise<void> {
  if (loaded) return;
  loading ??= import('./library-parts.ts');
  loaded = await loading;
}

/** The CEL library. It must have been loaded. */
export function library(): Library {
  if (!loaded) throw new Error('Call loadCel() and wait for it before compiling expressions');
  return loaded;
}
