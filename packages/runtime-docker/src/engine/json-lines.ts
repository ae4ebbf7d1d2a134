import type { Readable } from 'node:stream';

/** JSON values of a stream, each on a line of its own. */
export async function* jsonLines<T>(stream: Readable): AsyncGenerator<T> {
  let pending = '';
  stream.setEncoding('utf8');
  for await (const chunk of stream as AsyncIterable<string>) {
    const lines = (pending + chunk).split('\n');
    pending = lines.pop() ?? '';
    // What the engine streams on a given path is the caller's knowledge.
    for (const line of lines) if (line.trim() !== '') yield JSON.parse(line) as T;
  }
  if (pending.trim() !== '') yield JSON.parse(pending) as T;
}
