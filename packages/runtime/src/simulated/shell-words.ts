/** One simple command of a shell line, and when it is run: always, or only if the one before it succeeded or failed. */
export interface ShellStep {
  readonly when: 'always' | 'success' | 'failure';
  readonly words: readonly string[];
}

const TOKEN = /\s+|'([^']*)'|"((?:[^"\\]|\\.)*)"|(&&|\|\||;|\n)|\\(.)|([^\s'"\\;&|]+|[&|])/gy;

/**
 * Splits a line as a POSIX shell does, as far as quotes, `$NAME`, `;`, `&&` and `||` go. There are no pipes, redirections or globs: their signs
 * are words like all others. A variable is asked for when its step is reached, so that `$?` is of the one before.
 */
export function* shellSteps(line: string, variable: (name: string) => string): Generator<ShellStep> {
  const expanded = (text: string): string =>
    text.replace(/\$(?:\{(\w+)\}|(\w+|\?))/g, (_, braced?: string, bare?: string) => variable(braced ?? bare ?? ''));
  let when: ShellStep['when'] = 'always';
  let words: string[] = [];
  let word: string | undefined;
  const endWord = (): void => {
    if (word !== undefined) words.push(word);
    word = undefined;
  };
  for (const [, single, double, operator, escaped, plain] of line.matchAll(TOKEN)) {
    if (single !== undefined) word = (word ?? '') + single;
    else if (double !== undefined) word = (word ?? '') + expanded(double.replace(/\\(["\\$])/g, '$1'));
    else if (escaped !== undefined) word = (word ?? '') + escaped;
    else if (plain !== undefined) word = (word ?? '') + expanded(plain);
    else endWord();
    if (operator === undefined) continue;
    if (words.length > 0) yield { when, words };
    when = whenOf(operator);
    words = [];
  }
  endWord();
  if (words.length > 0) yield { when, words };
}

function whenOf(operator: string): ShellStep['when'] {
  if (operator === '&&') return 'success';
  return operator === '||' ? 'failure' : 'always';
}
