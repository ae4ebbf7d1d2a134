import { PassThrough, Transform, type Readable, type TransformCallback } from 'node:stream';

const HEADER_BYTES = 8;
const STDERR = 2;

/** Calls `onFrame` for each complete frame of the stream that Docker multiplexes a process's outputs into: 1 is stdout, 2 stderr. */
export class FrameReader {
  readonly #onFrame: (stream: number, payload: Buffer) => void;
  #pending: Buffer = Buffer.alloc(0);

  constructor(onFrame: (stream: number, payload: Buffer) => void) {
    this.#onFrame = onFrame;
  }

  push(chunk: Buffer): void {
    let rest = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    while (rest.length >= HEADER_BYTES) {
      const end = HEADER_BYTES + rest.readUInt32BE(4);
      if (rest.length < end) break;
      this.#onFrame(rest.readUInt8(0), rest.subarray(HEADER_BYTES, end));
      rest = rest.subarray(end);
    }
    this.#pending = rest;
  }
}

export interface Outputs {
  readonly stdout: Readable;
  readonly stderr: Readable;
}

/**
 * Parts a multiplexed stream into its two outputs. It is read no faster than both are taken. Both end with it, and fail with it.
 */
export function demultiplex(source: Readable): Outputs {
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  const resume = () => {
    if (!stdout.writableNeedDrain && !stderr.writableNeedDrain) source.resume();
  };
  const frames = new FrameReader((stream, payload) => {
    const output = stream === STDERR ? stderr : stdout;
    if (output.writable && !output.write(payload)) source.pause();
  });
  for (const output of [stdout, stderr])
    output
      .on('drain', resume)
      .on('close', resume)
      .on('error', () => undefined);
  source
    .on('data', (chunk: Buffer) => frames.push(chunk))
    .once('end', () => [stdout, stderr].forEach((output) => output.end()))
    .once('error', (error) => [stdout, stderr].forEach((output) => output.destroy(error)))
    .once('close', () => [stdout, stderr].forEach((output) => output.end()));
  return { stdout, stderr };
}

/** The payloads of a multiplexed log, one after the other. With times, the pieces of a long line lose all but the first. */
export function logText(options: { readonly timestamps: boolean }): Transform {
  const isMidLine = [false, false, false];
  let onText: (text: Buffer) => void = () => undefined;
  const frames = new FrameReader((stream, payload) => {
    const text = options.timestamps && isMidLine[stream] ? payload.subarray(payload.indexOf(' ') + 1) : payload;
    isMidLine[stream] = payload.at(-1) !== NEWLINE;
    onText(text);
  });
  return new Transform({
    transform(chunk: Buffer, _encoding, done: TransformCallback) {
      onText = (text) => this.push(text);
      frames.push(chunk);
      done();
    },
  });
}

const NEWLINE = 10;
