import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CidrBlocks } from './cidr-blocks.ts';

function all(blocks: CidrBlocks): string[] {
  const taken: string[] = [];
  for (let block = blocks.take(); block !== undefined; block = blocks.take()) taken.push(block);
  return taken;
}

describe('CidrBlocks', () => {
  it.each([
    { cidr: '10.244.0.0/22', size: 24, want: ['10.244.0.0/24', '10.244.1.0/24', '10.244.2.0/24', '10.244.3.0/24'] },
    { cidr: '10.244.0.7/24', size: 25, want: ['10.244.0.0/25', '10.244.0.128/25'] },
    { cidr: '10.0.0.0/24', size: 24, want: ['10.0.0.0/24'] },
    { cidr: 'fd00:10:244::/63', size: 64, want: ['fd00:10:244::/64', 'fd00:10:244:1::/64'] },
  ])('gives out all of $cidr in order', ({ cidr, size, want }) => {
    expect(all(new CidrBlocks(cidr, size))).toEqual(want);
  });

  it.each([
    { cidr: '10.244.0.0/24', size: 16 },
    { cidr: '10.0.0.0/8', size: 25 },
    { cidr: '10.244.0.0', size: 24 },
    { cidr: 'fd00::/40', size: 64 },
  ])('refuses to cut $cidr into /$size', ({ cidr, size }) => {
    expect(() => new CidrBlocks(cidr, size)).toThrow(`Cannot give out blocks of size /${size} of the range "${cidr}"`);
  });

  it('keeps off every block that a network touches, until all that hold it let go', () => {
    const blocks = new CidrBlocks('10.0.0.0/22', 24);
    for (const cidr of ['10.0.0.0/23', '10.0.1.128/25', '9.0.0.0/8', 'fd00::/8']) blocks.hold(cidr);

    expect(all(blocks)).toEqual(['10.0.2.0/24', '10.0.3.0/24']);
    blocks.release('10.0.0.0/23');
    expect(all(blocks)).toEqual(['10.0.0.0/24']);
    blocks.release('10.0.1.128/25');
    expect(all(blocks)).toEqual(['10.0.1.0/24']);
  });

  it('gives out a block that came back only after those that were free before', () => {
    const blocks = new CidrBlocks('10.0.0.0/22', 24);
    blocks.release(blocks.take() ?? '');

    expect(all(blocks)).toEqual(['10.0.1.0/24', '10.0.2.0/24', '10.0.3.0/24', '10.0.0.0/24']);
  });

  it('never gives out what is held, whatever comes and goes', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 20 }), { maxLength: 60 }), (steps) => {
        const blocks = new CidrBlocks('10.0.0.0/20', 24);
        const held: string[] = [];
        for (const step of steps) {
          const taken = step < 12 ? blocks.take() : undefined;
          if (taken === undefined) held.splice(step % (held.length || 1), 1).forEach((cidr) => blocks.release(cidr));
          else held.push(taken);
        }
        expect(new Set(held).size).toBe(held.length);
        expect(all(blocks)).toHaveLength(16 - held.length);
      }),
    );
  });
});
