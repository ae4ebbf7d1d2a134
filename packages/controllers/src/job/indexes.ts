/** The indexes of a text like `1,3-5,7`, those below `limit`; what cannot be read counts as nothing. */
export function parseIndexes(text: string | undefined, limit: number): Set<number> {
  const found = new Set<number>();
  for (const range of (text ?? '').split(',')) {
    const match = /^(\d+)(?:-(\d+))?$/.exec(range);
    if (!match) continue;
    const last = Math.min(Number(match[2] ?? match[1]), limit - 1);
    for (let index = Number(match[1]); index <= last; index += 1) found.add(index);
  }
  return found;
}

/** The indexes as a text, as short as it can be: `1,3-5,7`. Two in a row are written as `1,2`. */
export function formatIndexes(indexes: Iterable<number>): string {
  const ranges: [first: number, last: number][] = [];
  for (const index of [...indexes].sort((a, b) => a - b)) {
    const open = ranges.at(-1);
    if (open?.[1] === index - 1) open[1] = index;
    else ranges.push([index, index]);
  }
  return ranges
    .map(([first, last]) => (first === last ? `${first}` : `${first}${last - first > 1 ? '-' : ','}${last}`))
    .join(',');
}
