import type { InFlight } from './in-flight.ts';

/** Upper bounds of the duration histogram, in seconds. */
const BOUNDS = [0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60];

/** What a request was, for its metrics. */
export interface RequestLabels {
  readonly verb: string;
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly subresource: string;
  readonly scope: string;
}

interface Series {
  readonly labels: RequestLabels;
  readonly codes: Map<number, number>;
  readonly buckets: number[];
  sumSeconds: number;
  count: number;
}

/** Hot path: counts requests. Text is only made when somebody reads it. */
export class RequestMetrics {
  readonly #series = new Map<string, Series>();
  readonly #inFlight: InFlight;
  #longRunning = 0;

  constructor(inFlight: InFlight) {
    this.#inFlight = inFlight;
  }

  record(labels: RequestLabels, code: number, durationMs: number | undefined): void {
    const key = `${labels.verb} ${labels.group}/${labels.version}/${labels.resource}/${labels.subresource} ${labels.scope}`;
    let series = this.#series.get(key);
    if (!series) {
      series = { labels, codes: new Map(), buckets: BOUNDS.map(() => 0), sumSeconds: 0, count: 0 };
      this.#series.set(key, series);
    }
    series.codes.set(code, (series.codes.get(code) ?? 0) + 1);
    if (durationMs === undefined) return;
    const seconds = durationMs / 1_000;
    series.sumSeconds += seconds;
    series.count += 1;
    const bucket = BOUNDS.findIndex((bound) => seconds <= bound);
    if (bucket >= 0) series.buckets[bucket] = (series.buckets[bucket] ?? 0) + 1;
  }

  longRunning(change: 1 | -1): void {
    this.#longRunning += change;
  }

  /** In Prometheus' text format. */
  text(): string {
    const lines = [
      '# HELP apiserver_request_total Counter of apiserver requests broken out for each verb, group, version, resource, scope and HTTP response code.',
      '# TYPE apiserver_request_total counter',
    ];
    for (const { labels, codes } of this.#series.values()) {
      for (const [code, count] of codes) lines.push(`apiserver_request_total{${labelText(labels)},code="${code}"} ${count}`);
    }
    lines.push('# HELP apiserver_request_duration_seconds Response latency distribution in seconds.');
    lines.push('# TYPE apiserver_request_duration_seconds histogram');
    for (const series of this.#series.values()) histogramLines(lines, series);
    lines.push('# HELP apiserver_current_inflight_requests Requests being served now, by kind.');
    lines.push('# TYPE apiserver_current_inflight_requests gauge');
    lines.push(`apiserver_current_inflight_requests{request_kind="readOnly"} ${this.#inFlight.reads}`);
    lines.push(`apiserver_current_inflight_requests{request_kind="mutating"} ${this.#inFlight.writes}`);
    lines.push('# HELP apiserver_longrunning_requests Watches and streams being served now.');
    lines.push('# TYPE apiserver_longrunning_requests gauge', `apiserver_longrunning_requests ${this.#longRunning}`, '');
    return lines.join('\n');
  }
}

function histogramLines(lines: string[], { labels, buckets, sumSeconds, count }: Series): void {
  if (count === 0) return;
  const text = labelText(labels);
  let total = 0;
  for (const [index, bound] of BOUNDS.entries()) {
    total += buckets[index] ?? 0;
    lines.push(`apiserver_request_duration_seconds_bucket{${text},le="${bound}"} ${total}`);
  }
  lines.push(`apiserver_request_duration_seconds_bucket{${text},le="+Inf"} ${count}`);
  lines.push(`apiserver_request_duration_seconds_sum{${text}} ${sumSeconds}`);
  lines.push(`apiserver_request_duration_seconds_count{${text}} ${count}`);
}

function labelText({ verb, group, version, resource, subresource, scope }: RequestLabels): string {
  return `verb="${verb}",group="${group}",version="${version}",resource="${resource}",subresource="${subresource}",scope="${scope}"`;
}
