import { isReason, KeelsonError } from '@keelson/base';
import { checkedRequirement, type LabelRequirement } from './label-requirement.ts';
import { isQualifiedName } from './validation/names.ts';

const TOKEN = /[ \t\r\n]*(!=|==|[=!(),<>]|[^ \t\r\n=!(),<>]+)/gy;
const SYMBOLS: ReadonlySet<string> = new Set(['!=', '==', '=', '!', '(', ')', ',', '<', '>', '']);
const EXACT: ReadonlySet<string> = new Set(['=', '==', '!=', '<', '>']);

function isIdentifier(token: string): boolean {
  return !SYMBOLS.has(token);
}

/** Reads the text of a label selector by upstream's grammar, with upstream's words for what is wrong. The end is an empty token. */
export class LabelSelectorParser {
  readonly #tokens: readonly string[];
  #at = 0;

  constructor(text: string) {
    this.#tokens = Array.from(text.matchAll(TOKEN), ([, token]) => token ?? '');
  }

  parse(): LabelRequirement[] {
    const requirements: LabelRequirement[] = [];
    while (this.#peek() !== '') {
      if (!isIdentifier(this.#peek()) && this.#peek() !== '!')
        fail(`found '${this.#peek()}', expected: !, identifier, or 'end of string'`);
      requirements.push(this.#wrapped());
      const separator = this.#take();
      if (separator === '') break;
      if (separator !== ',') fail(`found '${separator}', expected: ',' or 'end of string'`);
      if (!isIdentifier(this.#peek()) && this.#peek() !== '!') fail(`found '${this.#peek()}', expected: identifier after ','`);
    }
    return requirements;
  }

  #peek(): string {
    return this.#tokens[this.#at] ?? '';
  }

  #take(): string {
    const token = this.#peek();
    this.#at += 1;
    return token;
  }

  #wrapped(): LabelRequirement {
    try {
      return this.#requirement();
    } catch (error) {
      if (!isReason(error)) throw error;
      throw new KeelsonError('BadRequest', `unable to parse requirement: ${error.message}`, { cause: error });
    }
  }

  #requirement(): LabelRequirement {
    const isNegated = this.#peek() === '!';
    if (isNegated) this.#take();
    const key = this.#take();
    if (!isIdentifier(key)) fail(`found '${key}', expected: identifier`);
    const wrong = isQualifiedName(key);
    // Upstream prints the path that it does not have.
    if (wrong.length > 0) fail(`<nil>: Invalid value: "${key}": ${wrong.join('; ')}`);
    if (isNegated) return { key, operator: 'DoesNotExist', values: [] };
    if (this.#peek() === '' || this.#peek() === ',') return { key, operator: 'Exists', values: [] };
    return this.#binary(key, this.#take());
  }

  #binary(key: string, operator: string): LabelRequirement {
    if (operator === 'in') return checkedRequirement({ key, operator: 'In', values: this.#values() });
    if (operator === 'notin') return checkedRequirement({ key, operator: 'NotIn', values: this.#values() });
    if (!EXACT.has(operator)) fail(`found '${operator}', expected: in, notin, =, ==, !=, gt, lt`);
    const values = [this.#value()];
    if (operator === '>') return checkedRequirement({ key, operator: 'Gt', values });
    if (operator === '<') return checkedRequirement({ key, operator: 'Lt', values });
    return checkedRequirement({ key, operator: operator === '!=' ? 'NotIn' : 'In', values, exact: true });
  }

  /** A value may be empty: `a=` and `a=,b`. */
  #value(): string {
    if (this.#peek() === '' || this.#peek() === ',') return '';
    const value = this.#take();
    return isIdentifier(value) ? value : fail(`found '${value}', expected: identifier`);
  }

  /** `(a,b)`, sorted and each once; nothing before or after a comma is the empty value. */
  #values(): string[] {
    const open = this.#take();
    if (open !== '(') fail(`found '${open}' expected: '('`);
    if (this.#peek() !== ')' && this.#peek() !== ',' && !isIdentifier(this.#peek())) {
      fail(`found '${this.#peek()}', expected: ',', ')' or identifier`);
    }
    const values = new Set<string>();
    if (this.#peek() !== ')') this.#collect(values);
    this.#take();
    return [...values].sort();
  }

  /** Reads up to the closing parenthesis. */
  #collect(values: Set<string>): void {
    for (;;) {
      values.add(isIdentifier(this.#peek()) ? this.#take() : '');
      if (this.#peek() === ')') return;
      const separator = this.#take();
      if (separator !== ',') fail(`found '${separator}', expected: ',' or ')'`);
      if (this.#peek() === '') fail("found '', expected: ',', or identifier");
    }
  }
}

function fail(message: string): never {
  throw new KeelsonError('BadRequest', message);
}
