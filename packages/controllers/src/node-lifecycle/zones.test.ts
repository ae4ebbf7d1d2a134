import { silentLogger } from '@keelson/base';
import { ManualClock } from '@keelson/base/testing';
import { describe, expect, it } from 'vitest';
import { DEFAULTS } from './node-options.ts';
import { EvictionZones } from './eviction-zones.ts';
import { evictionRate, zoneState } from './zone-state.ts';
import { ZoneTainter } from './zone-tainter.ts';

describe('the state of a zone', () => {
  it.each([
    { ready: 1, notReady: 0, want: 'Normal' },
    { ready: 0, notReady: 1, want: 'FullDisruption' },
    { ready: 1, notReady: 2, want: 'Normal' },
    { ready: 2, notReady: 3, want: 'PartialDisruption' },
    { ready: 4, notReady: 4, want: 'Normal' },
    { ready: 0, notReady: 0, want: 'Normal' },
  ])('with $ready ready and $notReady not ready is $want', ({ want, ...count }) => {
    expect(zoneState(count, DEFAULTS)).toBe(want);
  });

  it.each([
    { state: 'Normal', size: 3, want: 0.1 },
    { state: 'FullDisruption', size: 3, want: 0.1 },
    { state: 'PartialDisruption', size: 50, want: 0 },
    { state: 'PartialDisruption', size: 51, want: 0.01 },
  ] as const)('$state of $size nodes limits evictions to $want a second', ({ state, size, want }) => {
    expect(evictionRate(state, size, DEFAULTS)).toBe(want);
  });
});

function tainter(rate: number) {
  const clock = new ManualClock();
  const tainted: string[] = [];
  const made = new ZoneTainter({ clock, logger: silentLogger, taint: async (name) => void tainted.push(name) }, rate);
  return { clock, tainted, made };
}

describe('tainting the nodes of a zone', () => {
  it('begins at once, and goes on at its rate', async () => {
    const { clock, tainted, made } = tainter(0.1);
    for (const name of ['a', 'b', 'c', 'a']) made.add(name);

    await clock.advance(0);
    expect(tainted).toEqual(['a']);
    await clock.advance(9_999);
    expect(tainted).toEqual(['a']);
    await clock.advance(10_001);
    expect(tainted).toEqual(['a', 'b', 'c']);
    await made.stop();
  });

  it('leaves out nodes that are ready again before their turn', async () => {
    const { clock, tainted, made } = tainter(0.1);
    for (const name of ['a', 'b', 'c']) made.add(name);
    await clock.advance(0);

    made.remove('b');
    await clock.advance(10_000);

    expect(tainted).toEqual(['a', 'c']);
    await made.stop();
  });

  it('stops at rate 0, and goes on when it is raised', async () => {
    const { clock, tainted, made } = tainter(0);
    made.add('a');
    await clock.advance(100_000);
    expect(tainted).toEqual([]);

    made.setRate(0.1);
    await clock.advance(10_000);

    expect(tainted).toEqual(['a']);
    await made.stop();
    expect(clock.pending).toBe(0);
  });

  it('tries again after a failure', async () => {
    const clock = new ManualClock();
    let tries = 0;
    const taint = async (): Promise<void> => {
      tries += 1;
      if (tries === 1) throw new Error('no');
    };
    const made = new ZoneTainter({ clock, logger: silentLogger, taint }, 1);
    made.add('a');

    await clock.advance(2_000);

    expect(tries).toBe(2);
    await made.stop();
  });
});

describe('all zones together', () => {
  const up = { ready: 1, notReady: 0 };
  const down = { ready: 0, notReady: 1 };

  it('say when everything is down, and when something is back, once each', () => {
    const zones = new EvictionZones({
      clock: new ManualClock(),
      logger: silentLogger,
      options: DEFAULTS,
      taint: async () => undefined,
    });
    const judge = (a: typeof up, b: typeof up) =>
      zones.judge(
        new Map([
          ['a', a],
          ['b', b],
        ]),
      );

    expect([judge(up, up), judge(up, down), judge(down, down), judge(down, down), judge(up, down), judge(up, up)]).toEqual([
      'none',
      'none',
      'all went down',
      'none',
      'some came back',
      'none',
    ]);
  });

  it('taint nothing while everything is down', async () => {
    const clock = new ManualClock();
    const tainted: string[] = [];
    const taint = async (name: string): Promise<void> => void tainted.push(name);
    const zones = new EvictionZones({ clock, logger: silentLogger, options: DEFAULTS, taint });
    zones.judge(new Map([['/', down]]));

    zones.enqueue({}, 'a');
    await clock.advance(60_000);

    expect(tainted).toEqual([]);
    await zones.stop();
  });
});
