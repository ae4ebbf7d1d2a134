/** What Prometheus reads: `text/plain; version=0.0.4`. */
export const PROMETHEUS = 'text/plain; version=0.0.4; charset=utf-8';

export type Labels = Readonly<Record<string, string>>;

/** Some metrics of one name. */
export interface Family {
  readonly name: string;
  readonly type: 'counter' | 'gauge';
  readonly help: string;
  /** Each as `metricLine` gives it. A family without any is left out. */
  readonly lines: readonly string[];
}

/** Families in the order of their names. */
export function exposition(families: readonly Family[]): string {
  const shown = families.filter(({ lines }) => lines.length > 0).sort((a, b) => (a.name < b.name ? -1 : 1));
  return shown
    .map(({ name, type, help, lines }) => `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join('\n')}\n`)
    .join('');
}

export function labelText(labels: Labels): string {
  const parts = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`);
  return parts.length === 0 ? '' : `{${parts.join(',')}}`;
}

/** `labels` as `labelText` gives it; with a time if the value is not of now. */
export function metricLine(name: string, labels: string, value: number, atMs?: number): string {
  return atMs === undefined ? `${name}${labels} ${value}` : `${name}${labels} ${value} ${Math.floor(atMs)}`;
}

function escaped(value: string): string {
  return /[\\"\n]/.test(value) ? value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n') : value;
}
