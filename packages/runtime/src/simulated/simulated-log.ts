import { Readable } from 'node:stream';
import type { LogOptions } from '../container-runtime.ts';

interface Line {
  readonly atMs: number;
  readonly text: string;
}

/** More are forgotten, the oldest first, as a log that is rotated. */
const MAX_LINES = 10_000;

/** What a container has written. Readers may follow until it ends. */
export class SimulatedLog {
  readonly #lines: Line[] = [];
  /** How many were forgotten. */
  #dropped = 0;
  #ended = false;
  readonly #readers = new Set<() => void>();

  append(atMs: number, ...texts: readonly string[]): void {
    for (const text of texts) this.#lines.push({ atMs, text });
    const excess = this.#lines.length - MAX_LINES;
    if (excess > 0) this.#dropped += this.#lines.splice(0, excess + MAX_LINES / 10).length;
    for (const wake of this.#readers) wake();
  }

  /** Nothing more will be written: those who follow come to their end. */
  end(): void {
    this.#ended = true;
    for (const wake of this.#readers) wake();
  }

  read({ follow, sinceMs = 0, tailLines, timestamps }: LogOptions): Readable {
    const first = this.#lines.findIndex(({ atMs }) => atMs >= sinceMs);
    const since = first < 0 ? this.#lines.length : first;
    const tail = tailLines === undefined ? 0 : Math.max(0, this.#lines.length - tailLines);
    let next = this.#dropped + Math.max(since, tail);
    const end = this.#dropped + this.#lines.length;
    let isWanted = false;
    const pump = (): void => {
      isWanted = true;
      next = Math.max(next, this.#dropped);
      for (let line = this.#at(next); line && (follow || next < end); line = this.#at(next)) {
        next += 1;
        if (!stream.push(formatted(line, timestamps))) {
          isWanted = false;
          return;
        }
      }
      if (follow && !this.#ended) return;
      this.#readers.delete(wake);
      stream.push(null);
    };
    const wake = (): void => {
      if (isWanted) pump();
    };
    const stream = new Readable({
      read: pump,
      destroy: (error, done) => {
        this.#readers.delete(wake);
        done(error);
      },
    });
    if (follow && !this.#ended) this.#readers.add(wake);
    return stream;
  }

  #at(index: number): Line | undefined {
    return this.#lines[index - this.#dropped];
  }
}

function formatted({ atMs, text }: Line, withTime: boolean): string {
  return withTime ? `${new Date(atMs).toISOString().replace('Z', '000000Z')} ${text}\n` : `${text}\n`;
}
