import { errorMessage } from '@keelson/base';
import { badRequest } from '../status.ts';
import { DAY_OF_MONTH, DAY_OF_WEEK, HOUR, MINUTE, MONTH, parseField, type CronField } from './fields.ts';
import { parseGoDuration } from './go-duration.ts';
import { TimeZone } from './time-zone.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;
/** What has no time in five years, such as February 30th, never has one. */
const SEARCH_MS = 5 * 366 * DAY_MS;

/** When something is to happen again and again. */
export interface CronSchedule {
  /** The first time after that one; `undefined` if there is none. */
  next(afterMs: number): number | undefined;
}

const DESCRIPTORS: Readonly<Record<string, string>> = {
  '@yearly': '0 0 1 1 *',
  '@annually': '0 0 1 1 *',
  '@monthly': '0 0 1 * *',
  '@weekly': '0 0 * * 0',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@hourly': '0 * * * *',
};
const EVERY = '@every ';

/**
 * Reads a schedule as CronJobs have it: five fields (minute, hour, day of month, month, day of week), a word such as `@daily`, or
 * `@every 1h30m`. `TZ=Asia/Tokyo` before it goes before `zone`. If both fields of days are restricted, a day has to match one of them. Throws
 * `BadRequest`.
 *
 * A time is one whose clock shows what the fields say: where clocks are put forward, times that are left out have no turn that day; where
 * they are put back, times that come twice have two. Example: `30 2 * * *` in New York does not happen on 8 March 2026.
 */
export function parseCronSchedule(text: string, zone: TimeZone = TimeZone.local()): CronSchedule {
  if (text === '') throw badRequest('empty spec string');
  const prefixed = /^(?:CRON_)?TZ=(\S*)\s(.*)$/s.exec(text);
  if (!prefixed) return parseSpec(text, zone);
  const [, name = '', spec = ''] = prefixed;
  const own = TimeZone.find(name);
  if (!own) throw badRequest(`provided bad location ${name}: unknown time zone ${name}`);
  return parseSpec(spec.trim(), own);
}

function parseSpec(text: string, zone: TimeZone): CronSchedule {
  if (text.startsWith(EVERY)) return parseEvery(text);
  const spec = text.startsWith('@') ? DESCRIPTORS[text] : text;
  if (spec === undefined) throw badRequest(`unrecognized descriptor: ${text}`);
  const fields = spec.split(/\s+/).filter((field) => field !== '');
  if (fields.length !== 5) throw badRequest(`expected exactly 5 fields, found ${fields.length}: [${fields.join(' ')}]`);
  const [minute = '', hour = '', day = '', month = '', weekday = ''] = fields;
  return new FieldSchedule(
    {
      minutes: sorted(parseField(minute, MINUTE)),
      hours: sorted(parseField(hour, HOUR)),
      days: parseField(day, DAY_OF_MONTH),
      months: parseField(month, MONTH).values,
      weekdays: parseField(weekday, DAY_OF_WEEK),
    },
    zone,
  );
}

/** Whole seconds, at least one. */
function parseEvery(text: string): CronSchedule {
  const periodMs = Math.max(1000, Math.floor(durationOf(text) / 1000) * 1000);
  return { next: (afterMs) => Math.floor(afterMs / 1000) * 1000 + periodMs };
}

function durationOf(text: string): number {
  try {
    return parseGoDuration(text.slice(EVERY.length));
  } catch (error) {
    throw badRequest(`failed to parse duration ${text}: ${errorMessage(error)}`);
  }
}

function sorted({ values }: CronField): readonly number[] {
  return [...values].sort((a, b) => a - b);
}

interface Fields {
  readonly minutes: readonly number[];
  readonly hours: readonly number[];
  readonly days: CronField;
  readonly months: ReadonlySet<number>;
  readonly weekdays: CronField;
}

class FieldSchedule implements CronSchedule {
  readonly #fields: Fields;
  readonly #zone: TimeZone;

  constructor(fields: Fields, zone: TimeZone) {
    this.#fields = fields;
    this.#zone = zone;
  }

  next(afterMs: number): number | undefined {
    const firstMs = (Math.floor(afterMs / MINUTE_MS) + 1) * MINUTE_MS;
    // While the offset is steady, clocks and time run side by side.
    for (let fromMs = firstMs; fromMs < firstMs + SEARCH_MS;) {
      const untilMs = this.#zone.steadyUntilMs(fromMs);
      const offsetMs = this.#zone.offsetMs(fromMs);
      const shownMs = this.#nextShown(fromMs + offsetMs, untilMs + offsetMs);
      if (shownMs !== undefined) return shownMs - offsetMs;
      fromMs = untilMs;
    }
    return undefined;
  }

  /** The first time from `fromMs`, before `untilMs`, as clocks show it. */
  #nextShown(fromMs: number, untilMs: number): number | undefined {
    for (let dayMs = Math.floor(fromMs / DAY_MS) * DAY_MS; dayMs < untilMs; dayMs += DAY_MS) {
      if (!this.#isDay(new Date(dayMs))) continue;
      const found = this.#nextInDay(dayMs, fromMs);
      if (found !== undefined) return found < untilMs ? found : undefined;
    }
    return undefined;
  }

  #nextInDay(dayMs: number, fromMs: number): number | undefined {
    const { hours, minutes } = this.#fields;
    for (const hour of hours) {
      const hourMs = dayMs + hour * HOUR_MS;
      if (hourMs + HOUR_MS <= fromMs) continue;
      const minute = minutes.find((each) => hourMs + each * MINUTE_MS >= fromMs);
      if (minute !== undefined) return hourMs + minute * MINUTE_MS;
    }
    return undefined;
  }

  #isDay(date: Date): boolean {
    const { days, months, weekdays } = this.#fields;
    if (!months.has(date.getUTCMonth() + 1)) return false;
    const [isDay, isWeekday] = [days.values.has(date.getUTCDate()), weekdays.values.has(date.getUTCDay())];
    return days.isAny || weekdays.isAny ? isDay && isWeekday : isDay || isWeekday;
  }
}
