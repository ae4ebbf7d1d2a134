import type { Registry } from '../registry/registry.ts';
import { labelsOf, type RequestLabels } from './request-labels.ts';
import { parsePath } from './request-info.ts';

/** Upper bounds of the duration histogram, in seconds. */
const BOUNDS = [0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60];

interface Series {
  readonly labels: RequestLabels;
  readonly codes: Map<number, number>;
  readonly buckets: number[];
  sumSeconds: number;
  count: number;
  /** Watches and streams that last. */
  long: number;
}

/** What is to be counted. */
export interface CountedRequest {
  readonly method: string;
  readonly path: string;
  readonly isDryRun: boolean;
  readonly contentType: string | undefined;
  /** A watch or a stream. */
  readonly isLong: boolean;
}

/** Hot path: counts requests, those over HTTP and those from within the process. Text is only made when somebody reads it. */
export class RequestMetrics {
  readonly #series = new Map<string, Series>();
  readonly #registry: Registry;

  constructor(registry: Registry) {
    this.#registry = registry;
  }

  labels({ method, path, isDryRun, contentType, isLong }: CountedRequest): RequestLabels {
    const info = parsePath(path);
    const definition = info.isResource ? this.#registry.find(info.group, info.version, info.resource) : undefined;
    const isApply = method === 'PATCH' && contentType?.startsWith('application/apply-patch') === true;
    const labels = labelsOf({ method, path, info, definition, isDryRun, isApply });
    return isLong && definition && info.subresource === undefined ? { ...labels, verb: 'WATCH' } : labels;
  }

  /** Of a request that took `durationMs`, or that lasts, if that is left out. */
  record(labels: RequestLabels, code: number, durationMs: number | undefined): void {
    const series = this.#seriesOf(labels);
    series.codes.set(code, (series.codes.get(code) ?? 0) + 1);
    if (durationMs === undefined) return;
    const seconds = durationMs / 1_000;
    series.sumSeconds += seconds;
    series.count += 1;
    const bucket = BOUNDS.findIndex((bound) => seconds <= bound);
    if (bucket >= 0) series.buckets[bucket] = (series.buckets[bucket] ?? 0) + 1;
  }

  longRunning(labels: RequestLabels, change: 1 | -1): void {
    this.#seriesOf(labels).long += change;
  }

  /** In Prometheus' text format. */
  text(): string {
    const all = [...this.#series.values()];
    const lines = heading('apiserver_request_total', 'counter', 'Requests by verb, kind, scope and HTTP code.');
    for (const { labels, codes } of all) {
      for (const [code, count] of codes)
        lines.push(`apiserver_request_total{code="${code}",${labelText(labels, true)}} ${count}`);
    }
    lines.push(...heading('apiserver_request_duration_seconds', 'histogram', 'How long requests took.'));
    for (const series of all) histogramLines(lines, series);
    lines.push(...heading('apiserver_longrunning_requests', 'gauge', 'Watches and streams being served now.'));
    for (const { labels, long } of all) {
      if (long > 0) lines.push(`apiserver_longrunning_requests{${labelText(labels, false)}} ${long}`);
    }
    return `${lines.join('\n')}\n`;
  }

  #seriesOf(labels: RequestLabels): Series {
    const { verb, dryRun, group, version, resource, subresource, scope } = labels;
    const key = `${verb}${dryRun} ${group}/${version}/${resource}/${subresource} ${scope}`;
    let series = this.#series.get(key);
    if (!series) {
      series = { labels, codes: new Map(), buckets: BOUNDS.map(() => 0), sumSeconds: 0, count: 0, long: 0 };
      this.#series.set(key, series);
    }
    return series;
  }
}

function heading(name: string, type: string, help: string): string[] {
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`];
}

function histogramLines(lines: string[], { labels, buckets, sumSeconds, count }: Series): void {
  if (count === 0) return;
  const text = labelText(labels, true);
  let total = 0;
  for (const [index, bound] of BOUNDS.entries()) {
    total += buckets[index] ?? 0;
    lines.push(`apiserver_request_duration_seconds_bucket{${text},le="${bound}"} ${total}`);
  }
  lines.push(`apiserver_request_duration_seconds_bucket{${text},le="+Inf"} ${count}`);
  lines.push(`apiserver_request_duration_seconds_sum{${text}} ${sumSeconds}`);
  lines.push(`apiserver_request_duration_seconds_count{${text}} ${count}`);
}

function labelText({ verb, dryRun, group, version, resource, subresource, scope }: RequestLabels, withDryRun: boolean): string {
  const dry = withDryRun ? `dry_run="${dryRun}",` : '';
  return `component="apiserver",${dry}group="${group}",resource="${resource}",scope="${scope}",subresource="${subresource}",verb="${verb}",version="${version}"`;
}
