/** An expression could not be evaluated. `||` and `&&` may make up for it. */
export class EvaluationFailure extends Error {}

/** An expression was stopped because it cost more than it may. Nothing makes up for that. */
export class CostExceeded extends Error {
  constructor() {
    super('operation cancelled: actual cost limit exceeded');
  }
}

export function noSuchOverload(): EvaluationFailure {
  return new EvaluationFailure('no such overload');
}
