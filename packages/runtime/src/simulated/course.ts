const STEP = /^(\d+(?:\.\d+)?)(?:@(\d+(?:\.\d+)?))?$/;

interface Step {
  readonly fromMs: number;
  readonly value: number;
}

/**
 * A value that changes in steps with the age of a container. `50` is 50 all the time; `50 800@60 20@300` is 50 from its start, 800 from 60 seconds
 * on, and 20 from 300 seconds on.
 */
export class Course {
  /** In the order of their times; the first one is at 0. */
  readonly #steps: readonly Step[];

  private constructor(steps: readonly Step[]) {
    this.#steps = steps;
  }

  /** A text that is no course counts as absent. */
  static parse(text: string | undefined, otherwise: number): Course {
    const steps = (text ?? '').trim().split(/\s+/).map(stepOf);
    const known = steps.filter((step) => step !== undefined);
    if (known.length < steps.length) return new Course([{ fromMs: 0, value: otherwise }]);
    const sorted = known.sort((a, b) => a.fromMs - b.fromMs);
    const begins = sorted[0]?.fromMs === 0;
    return new Course(begins ? sorted : [{ fromMs: 0, value: otherwise }, ...sorted]);
  }

  at(ageMs: number): number {
    return this.#steps.findLast(({ fromMs }) => fromMs <= ageMs)?.value ?? this.#steps[0]?.value ?? 0;
  }

  /** The value times the milliseconds for which it was that, summed up from the start. */
  sum(ageMs: number): number {
    let total = 0;
    for (const [at, { fromMs, value }] of this.#steps.entries()) {
      const endMs = Math.min(ageMs, this.#steps[at + 1]?.fromMs ?? Infinity);
      if (endMs > fromMs) total += value * (endMs - fromMs);
    }
    return total;
  }
}

function stepOf(text: string): Step | undefined {
  const found = STEP.exec(text);
  if (!found) return undefined;
  return { value: Number(found[1]), fromMs: Number(found[2] ?? 0) * 1000 };
}
