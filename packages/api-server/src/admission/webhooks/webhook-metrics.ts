/** Upper bounds of the duration histogram, in seconds. */
const BOUNDS = [0.005, 0.025, 0.1, 0.5, 1, 2.5, 10, 25];

interface Series {
  readonly buckets: number[];
  sum: number;
  count: number;
}

/** Counts calls of webhooks, as upstream names it. Text is made when somebody reads it. */
export class WebhookMetrics {
  readonly #type: 'admit' | 'validating';
  readonly #durations = new Map<string, Series>();
  readonly #rejections = new Map<string, number>();
  readonly #failedOpen = new Map<string, number>();

  constructor(type: 'admit' | 'validating') {
    this.#type = type;
  }

  called(
    name: string,
    operation: string,
    { rejected, durationMs }: { readonly rejected: boolean; readonly durationMs: number },
  ): void {
    const key = `${this.#labels(name, operation)},rejected="${rejected}"`;
    const series = this.#durations.get(key) ?? { buckets: BOUNDS.map(() => 0), sum: 0, count: 0 };
    this.#durations.set(key, series);
    const seconds = durationMs / 1_000;
    series.sum += seconds;
    series.count += 1;
    for (const [index, bound] of BOUNDS.entries()) if (seconds <= bound) series.buckets[index] = (series.buckets[index] ?? 0) + 1;
  }

  rejected(name: string, operation: string, { error, code }: { readonly error: string; readonly code: number }): void {
    count(this.#rejections, `error_type="${error}",${this.#labels(name, operation)},rejection_code="${code}"`);
  }

  failedOpen(name: string): void {
    count(this.#failedOpen, `name="${name}",type="${this.#type}"`);
  }

  /** In Prometheus' text format. */
  text(): string {
    const duration = 'apiserver_admission_webhook_admission_duration_seconds';
    const rejection = 'apiserver_admission_webhook_rejection_count';
    const open = 'apiserver_admission_webhook_fail_open_count';
    return [
      `# TYPE ${duration} histogram`,
      ...[...this.#durations].flatMap(([labels, series]) => histogram(duration, labels, series)),
      `# TYPE ${rejection} counter`,
      ...[...this.#rejections].map(([labels, value]) => `${rejection}{${labels}} ${value}`),
      `# TYPE ${open} counter`,
      ...[...this.#failedOpen].map(([labels, value]) => `${open}{${labels}} ${value}`),
      '',
    ].join('\n');
  }

  #labels(name: string, operation: string): string {
    return `name="${name}",operation="${operation}",type="${this.#type}"`;
  }
}

function histogram(name: string, labels: string, { buckets, sum, count: total }: Series): string[] {
  return [
    ...BOUNDS.map((bound, index) => `${name}_bucket{${labels},le="${bound}"} ${buckets[index] ?? 0}`),
    `${name}_bucket{${labels},le="+Inf"} ${total}`,
    `${name}_sum{${labels}} ${sum}`,
    `${name}_count{${labels}} ${total}`,
  ];
}

function count(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
