import { constants, createDeflate } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { DICTIONARY, HeaderReader, HeaderWriter } from './header-block.ts';

/** As zlib names a dictionary in its streams. */
function adler32(bytes: Uint8Array): number {
  let [a, b] = [1, 0];
  for (const byte of bytes) {
    a = (a + byte) % 65_521;
    b = (b + a) % 65_521;
  }
  return b * 65_536 + a;
}

describe('header blocks', () => {
  it('start from the dictionary that every SPDY/3 peer has', () => {
    expect([DICTIONARY.length, adler32(DICTIONARY)]).toEqual([1423, 0xe3c6a7c2]);
  });

  it('are read one after the other as one compressed stream', async () => {
    const deflate = createDeflate({ dictionary: DICTIONARY });
    const reader = new HeaderReader();
    const compress = async (plain: Buffer): Promise<Buffer> => {
      deflate.write(plain);
      await new Promise<void>((resolve) => deflate.flush(constants.Z_SYNC_FLUSH, resolve));
      const chunks: Buffer[] = [];
      for (let chunk = deflate.read() as Buffer | null; chunk; chunk = deflate.read() as Buffer | null) chunks.push(chunk);
      return Buffer.concat(chunks);
    };
    const plain = Buffer.from('0000000100000004506f727400000002', 'hex');

    const first = await reader.read(await compress(Buffer.concat([plain, Buffer.from('80')])));
    const second = await reader.read(await compress(Buffer.concat([plain, Buffer.from('81')])));

    expect([first['port'], second['port']]).toEqual(['80', '81']);
    reader.close();
  });

  it('are written so that a reader gets each at once', async () => {
    const writer = new HeaderWriter();
    const reader = new HeaderReader();

    expect({ ...(await reader.read(writer.write({ streamType: 'error' }))) }).toEqual({ streamtype: 'error' });
    expect({ ...(await reader.read(writer.write({}))) }).toEqual({});
    reader.close();
  });

  it('that are no zlib, or unpack to too much, are refused', async () => {
    const bomb = createDeflate({ dictionary: DICTIONARY });
    bomb.end(Buffer.alloc(1_000_000));
    const chunks: Buffer[] = [];
    for await (const chunk of bomb as AsyncIterable<Buffer>) chunks.push(chunk);

    await expect(new HeaderReader().read(Buffer.from('nonsense'))).rejects.toThrow();
    await expect(new HeaderReader().read(Buffer.concat(chunks))).rejects.toThrow('exceeds');
  });
});
