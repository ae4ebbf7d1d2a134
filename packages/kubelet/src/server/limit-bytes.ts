import { Transform, pipeline, type Readable } from 'node:stream';

/** The first `limit` bytes of a stream, cut in the middle of a line if need be; the source is let go of then. */
export function limitBytes(source: Readable, limit: number): Readable {
  let left = limit;
  const cut = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const part = chunk.subarray(0, left);
      left -= part.length;
      this.push(part);
      if (left === 0) {
        this.push(null);
        source.destroy();
      }
      done();
    },
  });
  if (limit === 0) {
    source.destroy();
    cut.end();
    return cut;
  }
  // Cutting the source off is no failure of the result.
  pipeline(source, cut, () => undefined);
  return cut;
}
