const HEADING = /^# (?:HELP|TYPE) (\S+)/;

/** Joins metrics in Prometheus' text format. What several sources tell of one family comes together, under one heading, as the format asks for. */
export function joinFamilies(texts: readonly string[]): string {
  const headings = new Map<string, Set<string>>();
  const samples = new Map<string, string[]>();
  for (const text of texts) {
    let family = '';
    for (const line of text.split('\n')) {
      if (line === '') continue;
      const [, named] = HEADING.exec(line) ?? [];
      family = named ?? family;
      if (named === undefined) samples.getOrInsertComputed(family, () => []).push(line);
      else headings.getOrInsertComputed(family, () => new Set()).add(line);
    }
  }
  const names = new Set([...headings.keys(), ...samples.keys()]);
  const lines = [...names].flatMap((name) => [...firstOfEach(headings.get(name) ?? []), ...(samples.get(name) ?? [])]);
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`;
}

/** One help and one type, whatever the others say. */
function firstOfEach(headings: Iterable<string>): readonly string[] {
  const all = [...headings];
  return ['# HELP', '# TYPE'].flatMap((start) => all.find((line) => line.startsWith(start)) ?? []);
}
