import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalQuantity, parseQuantity } from './index.ts';

describe('quantities', () => {
  it.each([
    ['1000m', '1'],
    ['1024Mi', '1Gi'],
    ['0.5', '500m'],
    ['1e3', '1e3'],
    ['1.5Gi', '1536Mi'],
    ['100E', '100E'],
    ['1Ki', '1Ki'],
    ['-0', '0'],
    [1, '1'],
    ['1023', '1023'],
    ['0.1m', '100u'],
    ['1.2', '1200m'],
    ['0.0000000001', '1n'],
    ['1E', '1E'],
    ['-1.5', '-1500m'],
    ['1000k', '1M'],
    ['12e-3', '12e-3'],
    ['.5Gi', '512Mi'],
  ])('writes %s as %s', (text, canonical) => {
    expect(canonicalQuantity(text)).toBe(canonical);
  });

  it.each(['', 'x', '1x', '1 Gi', '1.2.3', '--1', '1ee3', 'Gi', '1Kii'])('refuses "%s"', (text) => {
    expect(() => parseQuantity(text)).toThrow(/quantit/);
  });

  it.each([
    ['1', '1000m', 0],
    ['1Gi', '1G', 1],
    ['-1', '1', -1],
    ['100m', '0.1', 0],
  ] as const)('compares %s with %s', (a, b, sign) => {
    expect(parseQuantity(a).cmp(parseQuantity(b))).toBe(sign);
  });

  it('rounds away from zero where a caller asks for whole units', () => {
    expect(parseQuantity('100m').value()).toBe(1);
    expect(parseQuantity('1u').milliValue()).toBe(1);
    expect(parseQuantity('2500m').milliValue()).toBe(2500);
  });

  it('adds, subtracts and keeps its canonical form', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: -1e9, max: 1e9 }),
        fc.integer({ min: -1e9, max: 1e9 }),
        fc.constantFrom('', 'm', 'k', 'Mi', 'n'),
        (a, b, suffix) => {
          const [x, y] = [parseQuantity(`${a}${suffix}`), parseQuantity(`${b}${suffix}`)];

          expect(x.add(y).sub(y).cmp(x)).toBe(0);
          expect(parseQuantity(x.toString()).cmp(x)).toBe(0);
          expect(canonicalQuantity(x.toString())).toBe(x.toString());
        },
      ),
    );
  });
});
