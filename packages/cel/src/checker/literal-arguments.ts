import { regularExpression } from '../functions/regular-expression.ts';
import type { Expression } from '../syntax/expression.ts';
import type { SourceError } from '../syntax/source-error.ts';
import { parseDuration, parseTimestamp } from '../values/times.ts';

/** Functions whose text has a form, by the position of that argument, counted from the end. */
const CHECKS: Readonly<Record<string, (text: string) => unknown>> = {
  duration: parseDuration,
  timestamp: parseTimestamp,
  matches: regularExpression,
  find: regularExpression,
  findAll: regularExpression,
};

/** What is wrong with a text that is written out in an expression, so that it would fail each time. */
export function checkLiteralArguments(name: string, operands: readonly Expression[]): SourceError | undefined {
  const check = CHECKS[name];
  const text = operands.find((operand, index) => operand.kind === 'literal' && (index > 0 || operands.length === 1));
  if (!check || text?.kind !== 'literal' || typeof text.value !== 'string') return undefined;
  try {
    check(text.value);
    return undefined;
  } catch {
    return { position: text.position, message: `invalid ${name} argument` };
  }
}
