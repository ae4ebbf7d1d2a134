/** Indexes of a Job's pods as a text: `0,2-5,9`, rising, each below `completions`. */

/** First and last index. */
export type Interval = readonly [number, number];

/** The intervals of `text`, or what is wrong with it. */
export function parseIndexes(text: string, completions: number): { readonly intervals: readonly Interval[] } | string {
  if (text === '') return { intervals: [] };
  const intervals: Interval[] = [];
  for (const part of text.split(',')) {
    const interval = parseInterval(part, completions);
    if (typeof interval === 'string') return interval;
    const last = intervals.at(-1)?.[1];
    if (last !== undefined && last >= interval[0]) return disorder(last, interval[0]);
    intervals.push(interval);
  }
  return { intervals };
}

export function countIndexes(intervals: readonly Interval[]): number {
  return intervals.reduce((sum, [first, last]) => sum + last - first + 1, 0);
}

/** The first index that is in both lists. */
export function commonIndex(some: readonly Interval[], others: readonly Interval[]): number | undefined {
  for (const [first, last] of some) {
    const other = others.find((interval) => first <= interval[1] && interval[0] <= last);
    if (other !== undefined) return Math.max(first, other[0]);
  }
  return undefined;
}

function parseInterval(part: string, completions: number): Interval | string {
  const [from = '', to, ...more] = part.split('-');
  if (more.length > 0) {
    return `the fragment ${JSON.stringify(part)} violates the requirement that an index interval can have at most two parts separated by '-'`;
  }
  const first = parseIndex(from, completions);
  if (typeof first === 'string') return first;
  if (to === undefined) return [first, first];
  const last = parseIndex(to, completions);
  if (typeof last === 'string') return last;
  return first >= last ? disorder(first, last) : [first, last];
}

function parseIndex(text: string, completions: number): number | string {
  if (!/^[+]?\d+$/.test(text)) return `cannot convert string to integer for index: ${JSON.stringify(text)}`;
  const index = Number(text);
  return index < completions ? index : `too large index: ${JSON.stringify(text)}`;
}

function disorder(previous: number, current: number): string {
  return `non-increasing order, previous: ${previous}, current: ${current}`;
}
