import { StringDecoder } from 'node:string_decoder';

/** A line, or a piece of one, of a container's log. */
export interface LogRecord {
  /** RFC 3339, with all nine digits of nanoseconds. */
  readonly time: string;
  readonly atMs: number;
  readonly stream: 'stdout' | 'stderr';
  /** Whether the line ends here. */
  readonly isWhole: boolean;
  readonly text: string;
}

const RECORD = /^(\S+) (stdout|stderr) ([FP])\S* ?(.*)$/s;

/** `undefined` for what is no record. */
export function parseRecord(line: string): LogRecord | undefined {
  const [, time = '', stream, tag, text = ''] = RECORD.exec(line) ?? [];
  if (stream !== 'stdout' && stream !== 'stderr') return undefined;
  return { time: inFull(time), atMs: Date.parse(time), stream, isWhole: tag === 'F', text };
}

/** Go leaves out zeros at the end of a second's fraction, and the fraction if it is nothing but zeros. */
function inFull(time: string): string {
  const [, seconds, fraction = '', zone] = /^([^.Z+]+)(?:\.(\d+))?(\S*)$/.exec(time) ?? [];
  return seconds === undefined ? time : `${seconds}.${fraction.padEnd(9, '0')}${zone}`;
}

/** Makes records of chunks of a file; what is not whole is kept for the next chunk. */
export class RecordSplitter {
  readonly #decoder = new StringDecoder('utf8');
  #rest = '';

  *take(chunk: Buffer): Generator<LogRecord> {
    const lines = (this.#rest + this.#decoder.write(chunk)).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) {
      const record = parseRecord(line);
      if (record) yield record;
    }
  }
}
