import { statusOf } from '@keelson/api';
import type { Clock, KeelsonError } from '@keelson/base';
import type { WatchSink } from '../response/api-result.ts';
import type { WatchNote } from '../storage/cache-event.ts';
import type { BodyWriter } from './exchange.ts';

/** Above this, notes wait for the client instead of being encoded. */
const HIGH_WATER_BYTES = 256 * 1024;
/** A client that lets more changes than this wait is cut off. */
const MAX_WAITING = 4_096;
/** How long a client that was cut off has to read what was sent. */
const LINGER_MS = 5_000;

/** How a watch is written: one line an event. */
export interface WatchFormat {
  /** The line of a note; may be shared by all writers of this format. */
  frame(note: WatchNote): Buffer;
  bookmark(resourceVersion: string, initialEventsEnd: boolean): object;
  /** The line of anything else: a bookmark, an error. */
  line(event: { readonly type: string; readonly object: object }): Buffer;
  /** Distinguishes frames of this format from those of others; undefined if frames are not shared. */
  readonly name: string | undefined;
}

/**
 * Hot path: writes a watch to a client. A change that everybody watches is encoded once and written as it is to each socket. What the
 * client is too slow to read waits as notes, not as bytes, up to a bound.
 */
export class WatchWriter implements WatchSink {
  readonly #body: BodyWriter;
  readonly #format: WatchFormat;
  readonly #clock: Clock;
  readonly #chunkName: string;
  #waiting: (WatchNote | Buffer)[] = [];
  #bound = MAX_WAITING;
  #isPaused = false;
  #isOver = false;
  #onCut: (() => void) | undefined;

  constructor(body: BodyWriter, format: WatchFormat, clock: Clock) {
    this.#body = body;
    this.#format = format;
    this.#clock = clock;
    this.#chunkName = `chunk ${format.name ?? ''}`;
  }

  /** Called when the client was too slow. */
  set onCut(listener: () => void) {
    this.#onCut = listener;
  }

  notes(notes: readonly WatchNote[]): void {
    if (this.#isOver) return;
    if (!this.#isPaused && notes.length === 1 && notes[0]) {
      this.#writeNote(notes[0]);
      this.#pauseIfFull();
      return;
    }
    // The state at the start may be long; that is not the client's fault.
    if (this.#waiting.length === 0 && notes.length > 1) this.#bound = MAX_WAITING + notes.length;
    for (const note of notes) this.#waiting.push(note);
    if (this.#waiting.length > this.#bound) this.#cut();
    else this.#flush();
  }

  bookmark(resourceVersion: string, initialEventsEnd: boolean): void {
    if (this.#isOver) return;
    const object = this.#format.bookmark(resourceVersion, initialEventsEnd);
    this.#line({ type: 'BOOKMARK', object });
  }

  end(error?: KeelsonError): void {
    if (this.#isOver) return;
    if (error) this.#line({ type: 'ERROR', object: statusOf(error) });
    this.#isOver = true;
    if (!this.#isPaused) this.#body.end();
  }

  #line(event: { readonly type: string; readonly object: object }): void {
    this.#waiting.push(this.#format.line(event));
    this.#flush();
  }

  #flush(): void {
    if (this.#isPaused) return;
    let at = 0;
    while (at < this.#waiting.length && !this.#isPaused) {
      const next = this.#waiting[at];
      at += 1;
      if (Buffer.isBuffer(next)) this.#body.write(next);
      else if (next) this.#writeNote(next);
      this.#pauseIfFull();
    }
    this.#waiting = this.#waiting.slice(at);
    if (this.#waiting.length === 0) this.#bound = MAX_WAITING;
  }

  #writeNote(note: WatchNote): void {
    const { name } = this.#format;
    if (name === undefined) this.#body.write(this.#format.frame(note));
    else if (this.#body.isChunked) this.#body.writeRaw(note.form(this.#chunkName, () => asChunk(this.#format.frame(note))));
    else this.#body.writeRaw(this.#format.frame(note));
  }

  #pauseIfFull(): void {
    if (this.#isPaused || this.#body.backlogBytes < HIGH_WATER_BYTES) return;
    this.#isPaused = true;
    this.#body.onDrain(() => {
      this.#isPaused = false;
      this.#flush();
      if (this.#isOver && !this.#isPaused) this.#body.end();
    });
  }

  #cut(): void {
    this.#isOver = true;
    this.#waiting = [];
    this.#onCut?.();
    this.#body.end();
    this.#clock.after(LINGER_MS, () => this.#body.destroy());
  }
}

/** As HTTP/1.1 frames a piece of a body whose length is not known beforehand. */
function asChunk(frame: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${frame.length.toString(16)}\r\n`), frame, CRLF]);
}

const CRLF = Buffer.from('\r\n');
