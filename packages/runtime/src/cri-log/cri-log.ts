import { watch } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Readable } from 'node:stream';
import type { Clock } from '@keelson/base';
import type { LogOptions } from '../container-runtime.ts';
import { closeAll, openLogFiles } from './log-files.ts';
import { RecordSplitter, type LogRecord } from './log-record.ts';
import { tailPosition } from './log-tail.ts';

export interface CriLogSource {
  /** The file that is written to. Older ones are beside it, with `.1`, `.2` and so on after the name, the oldest last. */
  readonly path: string;
  /** Whether more may still come: asked before the file is read to its end for the last time. */
  readonly isOpen: () => boolean | Promise<boolean>;
  readonly clock: Clock;
}

/** Should the kernel miss to tell of a change. */
const LOOK_AGAIN_MS = 2000;
const CHUNK_BYTES = 64 * 1024;

/** What a container wrote, out of files in the format that the CRI has for logs. Follows over their rotation. */
export function criLog(source: CriLogSource, options: LogOptions, signal?: AbortSignal): Readable {
  const stop = new AbortController();
  const both = signal ? AbortSignal.any([signal, stop.signal]) : stop.signal;
  const readable = Readable.from(texts(source, options, both), { objectMode: false });
  readable.once('close', () => stop.abort());
  signal?.addEventListener('abort', () => readable.destroy(), { once: true, signal: stop.signal });
  return readable;
}

async function* texts(source: CriLogSource, options: LogOptions, signal: AbortSignal): AsyncGenerator<string> {
  const { tailLines, timestamps, sinceMs = -Infinity, stream = 'both' } = options;
  const isWanted = (record: LogRecord) => (stream === 'both' || record.stream === stream) && record.atMs >= sinceMs;
  const open = { out: false, err: false };
  for await (const record of records(source, { follow: options.follow, tailLines, isWanted, signal })) {
    if (!isWanted(record)) continue;
    // Pieces of a line have one time, the first piece's.
    const which = record.stream === 'stdout' ? 'out' : 'err';
    const head = timestamps && !open[which] ? `${record.time} ` : '';
    open[which] = !record.isWhole;
    yield `${head}${record.text}${record.isWhole ? '\n' : ''}`;
  }
}

interface Reading {
  readonly follow: boolean;
  readonly tailLines: number | undefined;
  readonly isWanted: (record: LogRecord) => boolean;
  readonly signal: AbortSignal;
}

async function* records(source: CriLogSource, reading: Reading): AsyncGenerator<LogRecord> {
  const { follow, tailLines, isWanted, signal } = reading;
  const { path, isOpen } = source;
  using changes = follow ? new Changes(dirname(path), source.clock, signal) : undefined;
  // All at once: what is open is not mixed up with another when it gets a new name.
  const ahead = await openLogFiles(path);
  let current: OpenFile | undefined;
  try {
    const start = tailLines === undefined ? undefined : await tailPosition(ahead, tailLines, isWanted);
    await closeAll(ahead.splice(0, start?.file ?? 0));
    let offset = start?.offset ?? 0;
    while (!signal.aborted) {
      const mayCome = follow && (await isOpen());
      if (current) yield* chunksOf(current, signal);
      if (follow && ahead.length === 0) ahead.push(...(await openLogFiles(path, current?.file)));
      const next = ahead.shift();
      if (next) {
        // The last that was written to the old one.
        if (current) yield* chunksOf(current, signal);
        await current?.file.close();
        current = { file: next, splitter: new RecordSplitter(), offset };
        offset = 0;
      } else if (mayCome) await changes?.next();
      else return;
    }
  } finally {
    await closeAll(current ? [current.file, ...ahead] : ahead);
  }
}

interface OpenFile {
  readonly file: FileHandle;
  readonly splitter: RecordSplitter;
  offset: number;
}

async function* chunksOf(open: OpenFile, signal: AbortSignal): AsyncGenerator<LogRecord> {
  const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
  while (!signal.aborted) {
    const { bytesRead } = await open.file.read(chunk, 0, CHUNK_BYTES, open.offset);
    if (bytesRead === 0) return;
    open.offset += bytesRead;
    yield* open.splitter.take(chunk.subarray(0, bytesRead));
  }
}

/** Something has changed in a directory, or might have. */
class Changes implements Disposable {
  readonly #watcher;
  readonly #clock: Clock;
  readonly #signal: AbortSignal;
  #isNew = false;
  #wake: (() => void) | undefined;

  constructor(directory: string, clock: Clock, signal: AbortSignal) {
    this.#clock = clock;
    this.#signal = signal;
    this.#watcher = watch(directory, () => this.#changed());
    this.#watcher.on('error', () => this.#changed());
    signal.addEventListener('abort', () => this.#changed(), { once: true });
  }

  async next(): Promise<void> {
    if (!this.#isNew && !this.#signal.aborted) {
      using _timer = this.#clock.after(LOOK_AGAIN_MS, () => this.#changed());
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    this.#isNew = false;
  }

  [Symbol.dispose](): void {
    this.#watcher.close();
  }

  #changed(): void {
    this.#isNew = true;
    this.#wake?.();
  }
}
