import type { Readable } from 'node:stream';

/** What a stream calls when it has taken a piece. */
export type Done = (error?: Error | null) => void;

/**
 * Moves bytes until `from` ends, and then ends `to`. If `to` takes no more, or is absent, the rest is dropped: a reader that is gone must
 * not keep the connection that feeds it from being read.
 */
export function feed(from: Readable | undefined, to: NodeJS.WritableStream | undefined): void {
  if (!from || !to) {
    from?.resume();
    return;
  }
  from.pipe(to);
  const drop = (): void => {
    from.unpipe(to);
    from.resume();
  };
  to.once('error', drop);
  to.once('close', drop);
}
