/** Delays that grow by `factor` from `initialMs` to `maxMs`, each stretched at random by up to the share `jitter` (0 to 1). */
export interface BackoffOptions {
  readonly initialMs: number;
  readonly maxMs: number;
  readonly factor?: number;
  readonly jitter?: number;
  readonly random?: () => number;
}

/** Counts failures in a row and says how long to wait after each. */
export class Backoff {
  readonly #options: Required<BackoffOptions>;
  #failures = 0;

  constructor(options: BackoffOptions) {
    this.#options = { factor: 2, jitter: 0, random: Math.random, ...options };
  }

  /** The delay in milliseconds after one more failure. */
  next(): number {
    const { initialMs, maxMs, factor, jitter, random } = this.#options;
    const baseMs = Math.min(maxMs, initialMs * factor ** this.#failures);
    if (baseMs < maxMs) this.#failures += 1;
    return baseMs * (1 + jitter * random());
  }

  reset(): void {
    this.#failures = 0;
  }
}
