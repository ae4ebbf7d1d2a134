import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { demultiplex, logText } from './frames.ts';

function frame(stream: 1 | 2, payload: string): Buffer {
  const header = Buffer.alloc(8);
  header.writeUInt8(stream, 0);
  header.writeUInt32BE(Buffer.byteLength(payload), 4);
  return Buffer.concat([header, Buffer.from(payload)]);
}

describe('demultiplex', () => {
  it.each([1, 3, 1000])('parts two outputs that arrive in pieces of %i bytes', async (size) => {
    const source = new PassThrough();
    const bytes = Buffer.concat([frame(1, 'out'), frame(2, 'err'), frame(1, ''), frame(1, ' more')]);
    for (let at = 0; at < bytes.length; at += size) source.write(bytes.subarray(at, at + size));
    source.end();

    const { stdout, stderr } = demultiplex(source);

    expect(await Promise.all([text(stdout), text(stderr)])).toEqual(['out more', 'err']);
  });

  it('reads no faster than its outputs are read', async () => {
    const source = new PassThrough();
    const { stdout } = demultiplex(source);
    const big = frame(1, 'x'.repeat(16_384));

    let written = 0;
    while (source.write(big)) written += 1;
    await new Promise((resolve) => setImmediate(resolve));
    while (source.write(big)) written += 1;
    await new Promise((resolve) => setImmediate(resolve));

    expect(source.isPaused()).toBe(true);
    expect(written * big.length).toBeLessThan(1024 * 1024);
    stdout.destroy();
    source.destroy();
  });

  it('goes on with one output when nobody wants the other', async () => {
    const source = new PassThrough();
    const { stdout, stderr } = demultiplex(source);
    stderr.destroy();

    source.end(Buffer.concat([frame(2, 'x'.repeat(100_000)), frame(1, 'out')]));

    expect(await text(stdout)).toBe('out');
  });

  it('fails both outputs when the connection breaks', async () => {
    const source = new PassThrough();
    const { stdout, stderr } = demultiplex(source);
    stderr.on('error', () => undefined);

    source.destroy(new Error('reset'));

    await expect(text(stdout)).rejects.toThrow('reset');
  });
});

describe('logText', () => {
  it('takes the times out of the middle of a line that was logged in pieces', async () => {
    const log = logText({ timestamps: true });
    log.end(
      Buffer.concat([
        frame(1, 'T1 begin'),
        frame(2, 'T2 other\n'),
        frame(1, 'T3 -middle'),
        frame(1, 'T4 -end\n'),
        frame(1, 'T5 next\n'),
      ]),
    );

    expect(await text(log)).toBe('T1 beginT2 other\n-middle-end\nT5 next\n');
  });

  it('leaves lines as they are without times', async () => {
    const log = logText({ timestamps: false });
    log.end(Buffer.concat([frame(1, 'a b'), frame(1, ' c\n'), frame(2, 'd\n')]));

    expect(await text(log)).toBe('a b c\nd\n');
  });
});
