import { ManualClock } from '@keelson/base/testing';
import { beforeEach, describe, expect, it } from 'vitest';
import type { ContainerInspect } from './engine/engine-types.ts';
import { OomKills } from './oom-kills.ts';

const OOM_MS = Date.parse('2030-01-01T00:00:00Z');
const END_MS = OOM_MS + 500;

let clock: ManualClock;

beforeEach(() => {
  clock = new ManualClock(END_MS);
});

function ended(state: Partial<ContainerInspect['State']>): ContainerInspect {
  const State = { OOMKilled: true, Running: false, ExitCode: 137, FinishedAt: '2030-01-01T00:00:00.5Z', ...state };
  return { Id: 'c', State, HostConfig: { Memory: 1 << 24 } } as ContainerInspect;
}

it.each([
  { title: 'one that ended right then', state: {}, want: true },
  { title: 'one whose process gave up because its child was killed', state: { ExitCode: 1 }, want: true },
  { title: 'one that ended much later, killed for another reason', state: { FinishedAt: '2030-01-01T00:10:00Z' }, want: false },
  { title: 'one that still runs', state: { Running: true }, want: false },
  { title: 'one that ended well', state: { ExitCode: 0 }, want: false },
  {
    title: 'one that Docker does not mark, as it ended before Docker heard of the kill',
    state: { OOMKilled: false },
    want: true,
  },
])('$title: $want', async ({ state, want }) => {
  const kills = new OomKills(clock);
  kills.note('c', OOM_MS);

  expect(await kills.ended(ended(state))).toBe(want);
});

it.each([
  { exitCode: 137, want: true },
  { exitCode: 1, want: false },
])('goes by the exit code where the event was missed: $exitCode is $want', async ({ exitCode, want }) => {
  expect(await new OomKills(clock).ended(ended({ ExitCode: exitCode }))).toBe(want);
});

describe('one that was killed just now, of which Docker says nothing', () => {
  const unmarked = { OOMKilled: false };

  it('is waited for until the event comes', async () => {
    const kills = new OomKills(clock);
    const [first, second] = [kills.ended(ended(unmarked)), kills.ended(ended(unmarked))];

    kills.note('c', OOM_MS);

    expect(await Promise.all([first, second])).toEqual([true, true]);
  });

  it('was not killed for its memory if none comes', async () => {
    const answer = new OomKills(clock).ended(ended(unmarked));

    await clock.advance(1_000);

    expect(await answer).toBe(false);
  });

  it.each([
    { title: 'is ended on purpose', inspect: ended(unmarked), prepare: (kills: OomKills) => kills.stopping('c') },
    { title: 'ended a while ago', inspect: ended({ ...unmarked, FinishedAt: '2029-12-31T23:59:59Z' }), prepare: () => {} },
    { title: 'has no limit', inspect: { ...ended(unmarked), HostConfig: { Memory: 0 } } as ContainerInspect, prepare: () => {} },
    { title: 'ended by itself', inspect: ended({ ...unmarked, ExitCode: 1 }), prepare: () => {} },
  ])('is not waited for if it $title', async ({ inspect, prepare }) => {
    const kills = new OomKills(clock);
    prepare(kills);

    expect(await kills.ended(inspect)).toBe(false);
  });
});
