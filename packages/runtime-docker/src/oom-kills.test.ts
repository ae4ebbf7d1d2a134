import { expect, it } from 'vitest';
import type { ContainerInspect } from './engine/engine-types.ts';
import { OomKills } from './oom-kills.ts';

const OOM_MS = Date.parse('2030-01-01T00:00:00Z');

function ended(state: Partial<ContainerInspect['State']>): ContainerInspect {
  const State = { OOMKilled: true, Running: false, ExitCode: 137, FinishedAt: '2030-01-01T00:00:00.5Z', ...state };
  return { Id: 'c', State } as ContainerInspect;
}

it.each([
  { title: 'one that ended right then', state: {}, want: true },
  { title: 'one whose process gave up because its child was killed', state: { ExitCode: 1 }, want: true },
  { title: 'one that ended much later, killed for another reason', state: { FinishedAt: '2030-01-01T00:10:00Z' }, want: false },
  { title: 'one that still runs', state: { Running: true }, want: false },
  { title: 'one that ended well', state: { ExitCode: 0 }, want: false },
  { title: 'one that Docker does not mark', state: { OOMKilled: false }, want: false },
])('$title: $want', ({ state, want }) => {
  const kills = new OomKills();
  kills.note('c', OOM_MS);

  expect(kills.ended(ended(state))).toBe(want);
});

it.each([
  { exitCode: 137, want: true },
  { exitCode: 1, want: false },
])('goes by the exit code where the event was missed: $exitCode is $want', ({ exitCode, want }) => {
  expect(new OomKills().ended(ended({ ExitCode: exitCode }))).toBe(want);
});
