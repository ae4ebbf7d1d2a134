import type { FileHandle } from 'node:fs/promises';
import { parseRecord, type LogRecord } from './log-record.ts';

const CHUNK_BYTES = 64 * 1024;
const NEW_LINE = 10;

/** Which of the files, and from which byte on. */
export interface LogPosition {
  readonly file: number;
  readonly offset: number;
}

/** Where the last so many lines begin, read from the end backwards. `files`: the oldest first. */
export async function tailPosition(
  files: readonly FileHandle[],
  lines: number,
  isWanted: (record: LogRecord) => boolean,
): Promise<LogPosition> {
  const counter = new Counter(lines, isWanted);
  for (const [file, handle] of [...files.entries()].toReversed()) {
    const offset = await search(handle, counter);
    if (offset !== undefined) return { file, offset };
  }
  return { file: 0, offset: 0 };
}

async function search(handle: FileHandle, counter: Counter): Promise<number | undefined> {
  let start = (await handle.stat()).size;
  if (counter.wantsNone) return start;
  let later: Buffer = Buffer.alloc(0);
  while (start > 0) {
    const length = Math.min(CHUNK_BYTES, start);
    start -= length;
    const chunk = Buffer.allocUnsafe(length);
    await handle.read(chunk, 0, length, start);
    const bytes = Buffer.concat([chunk, later]);
    // What begins before this chunk is looked at with the next one.
    const whole = start === 0 ? 0 : bytes.indexOf(NEW_LINE) + 1;
    const found = counter.look(bytes, whole);
    if (found !== undefined) return start + found;
    later = bytes.subarray(0, whole);
  }
  return undefined;
}

/** Counts lines backwards. A line in pieces counts once, by its last piece. */
class Counter {
  readonly #isWanted: (record: LogRecord) => boolean;
  readonly #lines: number;
  #seen = 0;
  /** Where the line begins that would be the last to be given. */
  #isFirst = true;

  constructor(lines: number, isWanted: (record: LogRecord) => boolean) {
    this.#lines = lines;
    this.#isWanted = isWanted;
  }

  get wantsNone(): boolean {
    return this.#lines === 0;
  }

  /** The offset of the first record to give, if it is between `from` and the end. */
  look(bytes: Buffer, from: number): number | undefined {
    let end = bytes.length;
    while (end > from) {
      const start = Math.max(from, bytes.lastIndexOf(NEW_LINE, end - 2) + 1);
      const record = parseRecord(bytes.toString('utf8', start, end - 1));
      if (record && this.#isWanted(record)) {
        if (record.isWhole || this.#isFirst) this.#seen += 1;
        this.#isFirst = false;
        if (this.#seen > this.#lines) return end;
      }
      end = start;
    }
    return undefined;
  }
}
