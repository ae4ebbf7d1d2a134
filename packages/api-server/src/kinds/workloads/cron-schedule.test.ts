import { expect, it } from 'vitest';
import { scheduleProblem } from './cron-schedule.ts';

it.each([
  '* * * * *',
  '*/15 0-6 1,15 jan-mar MON',
  '0 3 ? * sun',
  '5/10 * * * *',
  '  0   3 * * * ',
  '@hourly',
  '@every 1h30m',
  'CRON_TZ=UTC 0 3 * * *',
])('reads "%s"', (schedule) => {
  expect(scheduleProblem(schedule)).toBeUndefined();
});

it.each([
  { schedule: '* * * *', want: 'expected exactly 5 fields, found 4: [* * * *]' },
  { schedule: '60 * * * *', want: 'end of range (60) above maximum (59): 60' },
  { schedule: '* * 0 * *', want: 'beginning of range (0) below minimum (1): 0' },
  { schedule: '* 9-5 * * *', want: 'beginning of range (9) beyond end of range (5): 9-5' },
  { schedule: '*/0 * * * *', want: 'step of range should be a positive number: */0' },
  { schedule: '1/2/3 * * * *', want: 'too many slashes: 1/2/3' },
  { schedule: '1-2-3 * * * *', want: 'too many hyphens: 1-2-3' },
  { schedule: '* * * * fun', want: 'failed to parse int from fun: strconv.Atoi: parsing "fun": invalid syntax' },
  { schedule: '@often', want: 'unrecognized descriptor: @often' },
  { schedule: '@every x', want: 'failed to parse duration @every x: time: invalid duration "x"' },
  { schedule: '@every 5', want: 'failed to parse duration @every 5: time: missing unit in duration "5"' },
  { schedule: '@every 1h5x', want: 'failed to parse duration @every 1h5x: time: unknown unit "x" in duration "1h5x"' },
])('says of "$schedule": $want', ({ schedule, want }) => {
  expect(scheduleProblem(schedule)).toBe(want);
});
