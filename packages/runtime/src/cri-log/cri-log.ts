import { watch } from 'node:fs';
import { open, readdir, type FileHandle } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { Readable } from 'node:stream';
import type { Clock } from '@keelson/base';
import type { LogOptions } from '../container-runtime.ts';
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
  const { follow, tailLines, signal } = reading;
  const files = await logFiles(source.path);
  const start = tailLines === undefined ? { file: 0, offset: 0 } : await tailPosition(files, tailLines, reading.isWanted);
  for (const [index, path] of files.entries()) {
    if (index < start.file) continue;
    const isLast = index === files.length - 1;
    const from = index === start.file ? start.offset : 0;
    if (isLast && follow) yield* followed({ ...source, path }, from, signal);
    else yield* toItsEnd(path, from, signal);
  }
}

/** The oldest first. */
async function logFiles(path: string): Promise<readonly string[]> {
  const names = await readdir(dirname(path)).catch(() => []);
  const ages = names.flatMap((name) => {
    const age = name.startsWith(`${basename(path)}.`) ? Number(name.slice(basename(path).length + 1)) : NaN;
    return Number.isInteger(age) ? [age] : [];
  });
  return [...ages.toSorted((one, other) => other - one).map((age) => `${path}.${age}`), path];
}

async function* toItsEnd(path: string, from: number, signal: AbortSignal): AsyncGenerator<LogRecord> {
  const file = await openIfThere(path);
  if (!file) return;
  try {
    yield* chunksOf(file, new RecordSplitter(), { offset: from }, signal);
  } finally {
    await file.close();
  }
}

async function* followed({ path, isOpen, clock }: CriLogSource, from: number, signal: AbortSignal): AsyncGenerator<LogRecord> {
  using changes = new Changes(dirname(path), clock, signal);
  let file = await openIfThere(path);
  let splitter = new RecordSplitter();
  const position = { offset: from };
  try {
    while (!signal.aborted) {
      const mayCome = await isOpen();
      if (file) yield* chunksOf(file, splitter, position, signal);
      const newer = await replacementOf(file, path);
      if (newer) {
        // The last that was written to the old one.
        if (file) yield* chunksOf(file, splitter, position, signal);
        await file?.close();
        file = newer;
        splitter = new RecordSplitter();
        position.offset = 0;
      } else if (mayCome) await changes.next();
      else return;
    }
  } finally {
    await file?.close();
  }
}

async function replacementOf(file: FileHandle | undefined, path: string): Promise<FileHandle | undefined> {
  const newer = await openIfThere(path);
  if (!newer || !file) return newer;
  if ((await newer.stat()).ino !== (await file.stat()).ino) return newer;
  await newer.close();
  return undefined;
}

async function* chunksOf(
  file: FileHandle,
  splitter: RecordSplitter,
  position: { offset: number },
  signal: AbortSignal,
): AsyncGenerator<LogRecord> {
  const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
  while (!signal.aborted) {
    const { bytesRead } = await file.read(chunk, 0, CHUNK_BYTES, position.offset);
    if (bytesRead === 0) return;
    position.offset += bytesRead;
    yield* splitter.take(chunk.subarray(0, bytesRead));
  }
}

async function openIfThere(path: string): Promise<FileHandle | undefined> {
  return open(path).catch(() => undefined);
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
