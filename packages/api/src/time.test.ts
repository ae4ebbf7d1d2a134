import { describe, expect, it } from 'vitest';
import { formatMicroTime, formatTime, humanDuration, parseTime, resolveIntOrPercent } from './index.ts';

describe('times', () => {
  it('writes seconds and microseconds in UTC', () => {
    const epochMs = Date.UTC(2026, 0, 2, 3, 4, 5, 678);

    expect(formatTime(epochMs)).toBe('2026-01-02T03:04:05Z');
    expect(formatMicroTime(epochMs)).toBe('2026-01-02T03:04:05.678000Z');
  });

  it.each([
    ['2026-01-02T03:04:05Z', Date.UTC(2026, 0, 2, 3, 4, 5)],
    ['2026-01-02T03:04:05.123456Z', Date.UTC(2026, 0, 2, 3, 4, 5, 123)],
    ['2026-01-02T05:04:05+02:00', Date.UTC(2026, 0, 2, 3, 4, 5)],
    ['2026-01-02', undefined],
    ['yesterday', undefined],
    ['2026-02-29T00:00:00Z', undefined],
    ['2028-02-29T00:00:00Z', Date.UTC(2028, 1, 29)],
    ['2026-01-01T24:00:00Z', undefined],
    [undefined, undefined],
  ])('reads %s', (text, epochMs) => {
    expect(parseTime(text)).toBe(epochMs);
  });
});

describe('humanDuration', () => {
  const [s, m, h, d] = [1_000, 60_000, 3_600_000, 86_400_000];
  it.each([
    [-5 * s, '<invalid>'],
    [-1.5 * s, '0s'],
    [0, '0s'],
    [119 * s, '119s'],
    [120 * s, '2m'],
    [125 * s, '2m5s'],
    [10 * m + 5 * s, '10m'],
    [179 * m, '179m'],
    [180 * m, '3h'],
    [5 * h + 30 * m, '5h30m'],
    [8 * h + 5 * m, '8h'],
    [47 * h, '47h'],
    [48 * h, '2d'],
    [6 * d + 4 * h, '6d4h'],
    [8 * d + 4 * h, '8d'],
    [729 * d, '729d'],
    [730 * d, '2y'],
    [760 * d, '2y30d'],
    [3285 * d, '9y'],
  ])('prints %d ms as %s', (ms, text) => {
    expect(humanDuration(ms)).toBe(text);
  });
});

describe('resolveIntOrPercent', () => {
  it.each([
    [3, 10, true, 3],
    ['25%', 10, true, 3],
    ['25%', 10, false, 2],
    ['0%', 10, true, 0],
    ['100%', 7, false, 7],
  ] as const)('takes %s of %d, rounding up: %s', (value, total, roundUp, result) => {
    expect(resolveIntOrPercent(value, total, roundUp)).toBe(result);
  });

  it('refuses other text', () => {
    expect(() => resolveIntOrPercent('half', 4, true)).toThrow('neither an integer nor a percentage');
  });
});
