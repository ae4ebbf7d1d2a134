/** A histogram of Prometheus: how many values were at most each bound. */
export class Histogram {
  readonly #name: string;
  readonly #help: string;
  readonly #bounds: readonly number[];
  readonly #counts: number[];
  #sum = 0;
  #count = 0;

  constructor(name: string, help: string, bounds: readonly number[]) {
    this.#name = name;
    this.#help = help;
    this.#bounds = bounds;
    this.#counts = bounds.map(() => 0);
  }

  observe(value: number): void {
    this.#sum += value;
    this.#count++;
    const index = this.#bounds.findIndex((bound) => value <= bound);
    if (index >= 0) this.#counts[index] = (this.#counts[index] ?? 0) + 1;
  }

  /** In the text format, with these labels on each line. */
  lines(labels: string): string[] {
    let total = 0;
    const buckets = this.#bounds.map((bound, index) => {
      total += this.#counts[index] ?? 0;
      return `${this.#name}_bucket{${labels},le="${bound}"} ${total}`;
    });
    return [
      `# HELP ${this.#name} ${this.#help}`,
      `# TYPE ${this.#name} histogram`,
      ...buckets,
      `${this.#name}_bucket{${labels},le="+Inf"} ${this.#count}`,
      `${this.#name}_sum{${labels}} ${this.#sum}`,
      `${this.#name}_count{${labels}} ${this.#count}`,
    ];
  }
}
