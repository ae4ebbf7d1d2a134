import type { Readable } from 'node:stream';
import { KeelsonError } from '@keelson/base';

/** All of a request's body. `RequestEntityTooLarge` beyond the limit: the rest is then not read. */
export function readBody(source: Readable, limitBytes: number, declaredBytes: number | undefined): Promise<Buffer> {
  if (declaredBytes !== undefined && declaredBytes > limitBytes) {
    source.resume();
    return Promise.reject(tooLarge(limitBytes));
  }
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    source.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size <= limitBytes) chunks.push(chunk);
      else reject(tooLarge(limitBytes));
    });
    source.on('end', () => resolve(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks)));
    source.on('error', (error) =>
      reject(new KeelsonError('BadRequest', `Cannot read the body: ${error.message}`, { cause: error })),
    );
    source.on('close', () => reject(new KeelsonError('BadRequest', 'Cannot read the body: the client has gone')));
  });
}

function tooLarge(limitBytes: number): KeelsonError {
  return new KeelsonError('RequestEntityTooLarge', `Request entity too large: limit is ${limitBytes}`);
}

/** The length that a request declares. */
export function declaredLength(header: string | undefined): number | undefined {
  return header === undefined ? undefined : Number(header);
}
