/** Schedules of five fields or a descriptor, read as `robfig/cron` reads them, with its texts for what it can't read. */

interface Bounds {
  readonly min: number;
  readonly max: number;
  readonly names?: readonly string[];
}

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];
const FIELDS: readonly Bounds[] = [
  { min: 0, max: 59 },
  { min: 0, max: 23 },
  { min: 1, max: 31 },
  { min: 1, max: 12, names: MONTHS },
  { min: 0, max: 6, names: DAYS },
];
const DESCRIPTORS = new Set(['@yearly', '@annually', '@monthly', '@weekly', '@daily', '@midnight', '@hourly']);
const EVERY = '@every ';
/** As Go writes them: `1h30m`, `1.5s`. */
const NUMBER = String.raw`(\d+(\.\d*)?|\.\d+)`;
const DURATION = new RegExp(`^[-+]?(0|(${NUMBER}(ns|us|µs|μs|ms|s|m|h))+)$`);
const UNIT = new RegExp(`^[-+]?(?:${NUMBER}(?:ns|us|µs|μs|ms|s|m|h))*${NUMBER}([^\\d.]*)`);

/** What is wrong with `schedule`, if anything. */
export function scheduleProblem(schedule: string): string | undefined {
  const rest = schedule.replace(/^(CRON_)?TZ=\S*\s*/, '').trim();
  if (rest.startsWith('@')) return descriptorProblem(rest);
  const fields = rest.split(/\s+/).filter((field) => field !== '');
  if (fields.length !== FIELDS.length) return `expected exactly 5 fields, found ${fields.length}: [${fields.join(' ')}]`;
  for (const [position, bounds] of FIELDS.entries()) {
    for (const range of (fields[position] ?? '').split(',').filter((part) => part !== '')) {
      const problem = rangeProblem(range, bounds);
      if (problem !== undefined) return problem;
    }
  }
  return undefined;
}

function descriptorProblem(text: string): string | undefined {
  if (DESCRIPTORS.has(text)) return undefined;
  if (!text.startsWith(EVERY)) return `unrecognized descriptor: ${text}`;
  const duration = text.slice(EVERY.length);
  if (DURATION.test(duration)) return undefined;
  return `failed to parse duration ${text}: time: ${durationProblem(duration)} ${JSON.stringify(duration)}`;
}

function durationProblem(text: string): string {
  const unit = UNIT.exec(text)?.at(-1);
  if (unit === undefined) return 'invalid duration';
  return unit === '' ? 'missing unit in duration' : `unknown unit ${JSON.stringify(unit)} in duration`;
}

/** Of `*`, `?`, `5`, `mon-fri`, `*` + `/15`, `5-20/3`. */
function rangeProblem(text: string, bounds: Bounds): string | undefined {
  const [range = '', stepText, ...moreSteps] = text.split('/');
  const [from = '', to, ...moreEnds] = range.split('-');
  const isAny = from === '*' || from === '?';
  const start = isAny ? bounds.min : numberOf(from, bounds);
  if (typeof start === 'string') return start;
  if (!isAny && moreEnds.length > 0) return `too many hyphens: ${text}`;
  const last = isAny ? bounds.max : to === undefined ? start : numberOf(to, bounds);
  if (typeof last === 'string') return last;
  if (moreSteps.length > 0) return `too many slashes: ${text}`;
  const step = stepText === undefined ? 1 : numberOf(stepText, { min: 0, max: 0 });
  if (typeof step === 'string') return step;
  // A step from one number goes on to the end: `5/10` is `5-59/10`.
  const end = stepText !== undefined && to === undefined ? bounds.max : last;
  if (start < bounds.min) return `beginning of range (${start}) below minimum (${bounds.min}): ${text}`;
  if (end > bounds.max) return `end of range (${end}) above maximum (${bounds.max}): ${text}`;
  if (start > end) return `beginning of range (${start}) beyond end of range (${end}): ${text}`;
  return step === 0 ? `step of range should be a positive number: ${text}` : undefined;
}

function numberOf(text: string, { min, names }: Bounds): number | string {
  const named = names?.indexOf(text.toLowerCase()) ?? -1;
  if (named >= 0) return named + min;
  if (!/^[-+]?\d+$/.test(text))
    return `failed to parse int from ${text}: strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax`;
  const number = Number(text);
  return number < 0 ? `negative number (${number}) not allowed: ${text}` : number;
}
