import type { Readable } from 'node:stream';
import { KeelsonError } from '@keelson/base';

/** Answers after which the rest of a body is not worth reading: it is too large, or does not come. */
export const LEAVES_BODY: ReadonlySet<number> = new Set([413, 504]);

export interface BodyOptions {
  readonly limitBytes: number;
  readonly declaredBytes: number | undefined;
  /** Calls back when the exchange is over: answered, or the client has gone. */
  readonly onClose: (listener: () => void) => void;
}

/** All of a request's body. `RequestEntityTooLarge` beyond the limit: the rest is then not read. */
export function readBody(source: Readable, { limitBytes, declaredBytes, onClose }: BodyOptions): Promise<Buffer> {
  if (declaredBytes !== undefined && declaredBytes > limitBytes) {
    source.resume();
    return Promise.reject(tooLarge(limitBytes));
  }
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    let isOver = false;
    const fail = (error: () => KeelsonError): void => {
      // A body that was read ends with `close` too: only one that was not is worth an error.
      if (!isOver) reject(error());
      isOver = true;
    };
    source.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size <= limitBytes) chunks.push(chunk);
      else fail(() => tooLarge(limitBytes));
    });
    source.on('end', () => {
      isOver = true;
      resolve(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks));
    });
    source.on('error', (cause) =>
      fail(() => new KeelsonError('BadRequest', `Cannot read the body: ${cause.message}`, { cause })),
    );
    onClose(() => fail(() => new KeelsonError('BadRequest', 'Cannot read the body: the client has gone')));
  });
}

function tooLarge(limitBytes: number): KeelsonError {
  return new KeelsonError('RequestEntityTooLarge', `Request entity too large: limit is ${limitBytes}`);
}

/** The length that a request declares. */
export function declaredLength(header: string | undefined): number | undefined {
  return header === undefined ? undefined : Number(header);
}
