import { describe, expect, it } from 'vitest';
import { CpuRates } from './cpu-rates.ts';

/** Rates after each reading of one counter: `[seconds, CPU seconds]`. */
function ratesOf(readings: readonly (readonly [number, number])[]): (number | undefined)[] {
  const rates = new CpuRates();
  return readings.map(([seconds, cpuSeconds]) =>
    rates.round(new Map([['a', { atMs: seconds * 1000, nanoSeconds: cpuSeconds * 1e9 }]])).get('a'),
  );
}

describe('CpuRates', () => {
  it.each([
    { title: 'knows no rate from one reading', readings: [[0, 5]], want: [undefined] },
    {
      title: 'gives cores by billionths',
      readings: [
        [0, 5],
        [10, 7],
      ],
      want: [undefined, 2e8],
    },
    {
      title: 'gives the same for the same moment',
      readings: [
        [0, 5],
        [10, 7],
        [10, 7],
      ],
      want: [undefined, 2e8, 2e8],
    },
    {
      title: 'forgets a counter that begins anew',
      readings: [
        [0, 5],
        [10, 1],
        [20, 2],
      ],
      want: [undefined, undefined, 1e8],
    },
    {
      title: 'counts over ten seconds or more where it can',
      readings: [
        [0, 0],
        [4, 4],
        [12, 6],
        [14, 8],
      ],
      want: [undefined, 1e9, 5e8, 1e9],
    },
  ] as const)('$title', ({ readings, want }) => {
    expect(ratesOf(readings)).toEqual(want);
  });

  it('forgets what is gone', () => {
    const rates = new CpuRates();
    const at = (seconds: number) => ({ atMs: seconds * 1000, nanoSeconds: seconds * 1e9 });
    rates.round(
      new Map([
        ['a', at(0)],
        ['b', at(0)],
      ]),
    );
    rates.round(new Map([['b', at(10)]]));

    expect([
      ...rates.round(
        new Map([
          ['a', at(20)],
          ['b', at(20)],
        ]),
      ),
    ]).toEqual([['b', 1e9]]);
  });
});
