import { expect, it } from 'vitest';
import { durationText } from './duration-text.ts';

it.each([
  [0, '0s'],
  [0.4, '0s'],
  [532.7, '532ms'],
  [1000, '1s'],
  [1234, '1.234s'],
  [80_000, '1m20s'],
  [300_000, '5m0s'],
  [3_600_000, '1h0m0s'],
])('prints %d ms as %s', (ms, text) => {
  expect(durationText(ms)).toBe(text);
});
