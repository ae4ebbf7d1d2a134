import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseCronSchedule } from './cron-schedule.ts';
import { TimeZone } from './time-zone.ts';

const zone = (name: string): TimeZone => {
  const found = TimeZone.find(name);
  if (!found) throw new Error(`no zone ${name}`);
  return found;
};

function times(text: string, from: string, count: number, name = 'UTC'): readonly string[] {
  const schedule = parseCronSchedule(text, zone(name));
  const found: string[] = [];
  for (let afterMs: number | undefined = Date.parse(from); found.length < count;) {
    afterMs = schedule.next(afterMs);
    if (afterMs === undefined) break;
    found.push(new Date(afterMs).toISOString().slice(0, 16));
  }
  return found;
}

describe('parseCronSchedule', () => {
  it.each([
    { text: '*/15 * * * *', want: ['2026-01-01T00:15', '2026-01-01T00:30'] },
    { text: '50/5 * * * ?', want: ['2026-01-01T00:50', '2026-01-01T00:55', '2026-01-01T01:50'] },
    { text: '0 6-18/6 * * *', want: ['2026-01-01T06:00', '2026-01-01T12:00', '2026-01-01T18:00', '2026-01-02T06:00'] },
    { text: '30 8 * * mon-wed', want: ['2026-01-05T08:30', '2026-01-06T08:30', '2026-01-07T08:30', '2026-01-12T08:30'] },
    { text: '0 0 13 * FRI', want: ['2026-01-02T00:00', '2026-01-09T00:00', '2026-01-13T00:00'] },
    { text: '0 0 */10 * FRI', want: ['2026-01-02T00:00', '2026-01-09T00:00', '2026-01-11T00:00'] },
    { text: '0 0 29 feb *', want: ['2028-02-29T00:00'] },
    { text: '5,3 0 1 JAN,jul *', want: ['2026-01-01T00:03', '2026-01-01T00:05', '2026-07-01T00:03'] },
    { text: '  0   3 * * * ', want: ['2026-01-01T03:00'] },
    { text: '@yearly', want: ['2027-01-01T00:00'] },
    { text: '@monthly', want: ['2026-02-01T00:00'] },
    { text: '@weekly', want: ['2026-01-04T00:00'] },
    { text: '@daily', want: ['2026-01-02T00:00'] },
    { text: '@hourly', want: ['2026-01-01T01:00', '2026-01-01T02:00'] },
    { text: '@every 1h30m', want: ['2026-01-01T01:30', '2026-01-01T03:00'] },
    { text: 'TZ=Asia/Tokyo 0 9 * * *', want: ['2026-01-02T00:00'] },
    { text: 'CRON_TZ=America/New_York 0 9 * * *', want: ['2026-01-01T14:00'] },
  ])('finds the times of "$text"', ({ text, want }) => {
    expect(times(text, '2026-01-01T00:00:00Z', want.length)).toEqual(want);
  });

  it('never finds a time that does not exist', () => {
    expect(times('59 23 31 2 *', '2026-01-01T00:00:00Z', 1)).toEqual([]);
  });

  it.each([
    { title: 'leaves out what clocks do not show', text: '30 2 * * *', from: '2026-03-07T12:00:00Z', want: ['2026-03-09T06:30'] },
    {
      title: 'goes on after the hour that is missing',
      text: '0 * * * *',
      from: '2026-03-08T06:00:00Z',
      want: ['2026-03-08T07:00'],
    },
    {
      title: 'has two times for what clocks show twice',
      text: '30 1 * * *',
      from: '2026-10-31T12:00:00Z',
      want: ['2026-11-01T05:30', '2026-11-01T06:30', '2026-11-02T06:30'],
    },
    {
      title: 'finds the second time after the first one',
      text: '30 1 1 11 *',
      from: '2026-11-01T05:45:00Z',
      want: ['2026-11-01T06:30', '2027-11-01T05:30'],
    },
    {
      title: 'keeps the time of day over the change',
      text: '0 9 * * *',
      from: '2026-03-07T15:00:00Z',
      want: ['2026-03-08T13:00'],
    },
  ])('where clocks change, $title', ({ text, from, want }) => {
    expect(times(text, from, want.length, 'America/New_York')).toEqual(want);
  });

  it('knows zones that are off by half an hour, and days that begin at one', () => {
    expect(times('0 9 * * *', '2026-01-01T00:00:00Z', 1, 'Asia/Kolkata')).toEqual(['2026-01-01T03:30']);
    expect(times('0 0 * * *', '2018-11-03T12:00:00Z', 1, 'America/Sao_Paulo')).toEqual(['2018-11-05T02:00']);
  });

  it.each([
    ['', 'empty spec string'],
    ['* * * *', 'expected exactly 5 fields, found 4: [* * * *]'],
    ['* * * * * *', 'expected exactly 5 fields, found 6: [* * * * * *]'],
    ['@often', 'unrecognized descriptor: @often'],
    ['@every soon', 'failed to parse duration @every soon: time: invalid duration "soon"'],
    ['@every 5', 'failed to parse duration @every 5: time: missing unit in duration "5"'],
    ['@every 1h5x', 'failed to parse duration @every 1h5x: time: unknown unit "x" in duration "1h5x"'],
    ['60 * * * *', 'end of range (60) above maximum (59): 60'],
    ['* * 0 * *', 'beginning of range (0) below minimum (1): 0'],
    ['* * * * 7', 'end of range (7) above maximum (6): 7'],
    ['5-3 * * * *', 'beginning of range (5) beyond end of range (3): 5-3'],
    ['*/0 * * * *', 'step of range should be a positive number: */0'],
    ['1-2-3 * * * *', 'too many hyphens: 1-2-3'],
    ['1/2/3 * * * *', 'too many slashes: 1/2/3'],
    ['x * * * *', 'failed to parse int from x: strconv.Atoi: parsing "x": invalid syntax'],
    ['* * L * *', 'failed to parse int from L: strconv.Atoi: parsing "L": invalid syntax'],
    ['TZ=Mars/Base * * * * *', 'provided bad location Mars/Base: unknown time zone Mars/Base'],
  ])('refuses "%s": %s', (text, message) => {
    expect(() => parseCronSchedule(text)).toThrow(message);
  });

  it('finds exactly the minutes whose clock shows what the fields say', () => {
    const names = fc.constantFrom('UTC', 'America/New_York', 'Europe/London', 'Australia/Lord_Howe', 'Asia/Kathmandu');
    const startMs = fc.integer({ min: Date.UTC(2024, 0, 1) / 60_000, max: Date.UTC(2027, 0, 1) / 60_000 }).map((m) => m * 60_000);
    fc.assert(
      fc.property(
        names,
        startMs,
        fc.integer({ min: 0, max: 23 }),
        fc.integer({ min: 0, max: 59 }),
        (name, fromMs, hour, minute) => {
          const clock = new Intl.DateTimeFormat('en', { timeZone: name, hourCycle: 'h23', hour: 'numeric', minute: 'numeric' });
          const shown = `${String(hour).padStart(2, '0')}:${String(minute).padStart(2, '0')}`;
          let expectedMs = fromMs + 60_000;
          while (clock.format(expectedMs) !== shown) expectedMs += 60_000;

          expect(parseCronSchedule(`${minute} ${hour} * * *`, zone(name)).next(fromMs)).toBe(expectedMs);
        },
      ),
      { numRuns: 60 },
    );
  });
});
