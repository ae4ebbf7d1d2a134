import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { OPCODE, webSocketFrame, WebSocketFrameReader } from './frames.ts';

function readAll(frame: Uint8Array, options: { fromClient: boolean; pieceBytes?: number; maxBytes?: number }) {
  const { fromClient, pieceBytes = frame.length, maxBytes = 1 << 20 } = options;
  const reader = new WebSocketFrameReader({ fromClient, maxBytes });
  const frames = [];
  for (let at = 0; at < frame.length; at += pieceBytes)
    frames.push(...reader.push(Buffer.from(frame.subarray(at, at + pieceBytes))));
  return frames;
}

describe('WebSocket frames', () => {
  it.each([0, 1, 125, 126, 65_535, 65_536, 200_001])('of %i bytes are read as they were written, masked or not', (sizeBytes) => {
    const payload = randomBytes(sizeBytes);

    for (const fromClient of [true, false]) {
      const wire = webSocketFrame(OPCODE.binary, [payload.subarray(0, 1), payload.subarray(1)], fromClient);

      expect(readAll(wire, { fromClient })).toEqual([{ opcode: OPCODE.binary, isFinal: true, payload }]);
      expect(readAll(wire, { fromClient, pieceBytes: 1 + (sizeBytes >> 4) })).toEqual([
        { opcode: OPCODE.binary, isFinal: true, payload },
      ]);
    }
  });

  it('hide what a client sends', () => {
    const wire = webSocketFrame(OPCODE.text, [Buffer.from('a secret that must not show')], true);

    expect(wire.includes('secret')).toBe(false);
  });

  it.each([
    { title: 'not masked', hex: '8100', code: 1002 },
    { title: 'of an extension', hex: 'c18000000000', code: 1002 },
    { title: 'of no known kind', hex: '838000000000', code: 1002 },
    { title: 'of control in parts', hex: '098000000000', code: 1002 },
    { title: 'of control, but long', hex: '89fe00800000', code: 1002 },
    { title: 'too long to be kept', hex: '82ff000000000010000100000000', code: 1009 },
  ])('$title are refused', ({ hex, code }) => {
    expect(() => readAll(Buffer.from(hex, 'hex'), { fromClient: true })).toThrow(expect.objectContaining({ code }) as Error);
  });
});
