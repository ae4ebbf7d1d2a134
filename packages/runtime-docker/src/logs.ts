import { pipeline, PassThrough, type Readable } from 'node:stream';
import type { LogOptions } from '@keelson/runtime';
import type { EngineClient } from './engine/engine-client.ts';
import { logText } from './engine/frames.ts';

export interface LogSource {
  readonly containerId: string;
  /** A terminal's output is one raw stream. */
  readonly tty: boolean;
}

/** What a container wrote, from Docker's log files. Follows over their rotation. */
export async function logs(
  engine: EngineClient,
  { containerId, tty }: LogSource,
  options: LogOptions,
  signal?: AbortSignal,
): Promise<Readable> {
  const { follow, stream = 'both', sinceMs, tailLines, timestamps } = options;
  const query = {
    stdout: stream !== 'stderr',
    stderr: stream !== 'stdout',
    follow,
    timestamps,
    since: sinceMs === undefined ? undefined : (sinceMs / 1000).toFixed(3),
    tail: tailLines,
  };
  const source = await engine.open({ method: 'GET', path: `/containers/${containerId}/logs`, query, isLong: true, signal });
  const text = pipeline(source, tty ? new PassThrough() : logText({ timestamps }), () => undefined);
  const stop = () => void text.destroy();
  signal?.addEventListener('abort', stop, { once: true });
  text.once('close', () => signal?.removeEventListener('abort', stop));
  return text;
}
