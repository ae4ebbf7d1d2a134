/**
 * The lines that only the first text has, as `- line`, and those that only the second has, as `+ line`, in order. For texts of hundreds of lines:
 * it takes their product in time.
 *
 * `lineDifference('a\nb', 'a\nc')` is `- b\n+ c\n`.
 */
export function lineDifference(before: string, after: string): string {
  const [old, fresh] = [before.split('\n'), after.split('\n')];
  const common = longestCommon(old, fresh);
  let text = '';
  let [at, to] = [0, 0];
  while (at < old.length || to < fresh.length) {
    if (at < old.length && old[at] === fresh[to]) [at, to] = [at + 1, to + 1];
    else if (to >= fresh.length || (at < old.length && lengthAt(common, at + 1, to) >= lengthAt(common, at, to + 1)))
      text += `- ${old[at++]}\n`;
    else text += `+ ${fresh[to++]}\n`;
  }
  return text;
}

/** How many lines in a row of both (others left out between them) there are from each pair of lines on. */
function longestCommon(old: readonly string[], fresh: readonly string[]): number[][] {
  const lengths = Array.from({ length: old.length + 1 }, () => Array.from({ length: fresh.length + 1 }, () => 0));
  for (let at = old.length - 1; at >= 0; at -= 1) {
    for (let to = fresh.length - 1; to >= 0; to -= 1) {
      const row = lengths[at] ?? [];
      row[to] =
        old[at] === fresh[to]
          ? lengthAt(lengths, at + 1, to + 1) + 1
          : Math.max(lengthAt(lengths, at + 1, to), lengthAt(lengths, at, to + 1));
    }
  }
  return lengths;
}

function lengthAt(lengths: readonly (readonly number[])[], at: number, to: number): number {
  return lengths[at]?.[to] ?? 0;
}
