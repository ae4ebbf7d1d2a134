/** What a metric says of one pod. */
export interface Sample {
  /** In thousandths. */
  readonly milli: number;
  /** End of the window in which it was measured. */
  readonly atMs: number;
  readonly windowMs: number;
}

/** By the name of the pod. */
export type Samples = ReadonlyMap<string, Sample>;

/** How far from its target a metric may be before anything is done about it. */
export interface Tolerance {
  readonly up: number;
  readonly down: number;
}

export function isTolerable(ratio: number, { up, down }: Tolerance): boolean {
  return 1 - down <= ratio && ratio <= 1 + up;
}
