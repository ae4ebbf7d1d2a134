// Compares one operator as it is written with Keelson, with @kubernetes/client-node alone, and with pepr. Prints Markdown.
//   npm install --ignore-scripts --prefix tools/comparison
//   node --conditions=keelson-source tools/comparison/main.ts [--rounds N] [--no-faults]
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { OPERATORS, SCENARIOS, suffer, type Operator } from './faults.ts';

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '3' }, 'no-faults': { type: 'boolean', default: false } },
});
const here = import.meta.dirname;
const scratch = mkdtempSync(join(tmpdir(), 'keelson-comparison-'));
process.on('exit', () => rmSync(scratch, { recursive: true, force: true }));
const folder = (operator: Operator): string => join(here, 'operators', operator);
const write = (text: string): void => void process.stdout.write(`${text}\n`);

/** Lines that say something: neither empty, nor comments alone. All are formatted by the same rules. */
function linesOf(...files: readonly string[]): number {
  const lines = files.flatMap((file) => readFileSync(file, 'utf8').split('\n'));
  return lines.filter((line) => !/^\s*(?:$|\/\/|\/\*|\*)/.test(line)).length;
}

function codeOf(operator: Operator): number {
  const files = ['operator.ts', 'main.ts'].map((name) => join(folder(operator), name));
  return linesOf(...files) + (operator === 'keelson' ? 0 : linesOf(join(here, 'operators/greeting.crd.yaml')));
}

function testsOf(operator: Operator): number {
  const tests = readdirSync(folder(operator)).filter((name) => name.endsWith('.test.ts'));
  return linesOf(...tests.map((name) => join(folder(operator), name)));
}

/** Seconds of the tests by themselves with what they start, and of all that `vitest run` does. */
function timeOf(operator: Operator): readonly [tests: number, all: number] {
  const beganMs = performance.now();
  const report = join(scratch, `${operator}.json`);
  const vitest = join(here, '../../node_modules/vitest/vitest.mjs');
  const args = [vitest, 'run', '--root', here, '--reporter=json', `--outputFile=${report}`, folder(operator)];
  const { status, stdout } = spawnSync(process.execPath, args, { encoding: 'utf8', cwd: here });
  const all = (performance.now() - beganMs) / 1_000;
  if (status !== 0) throw new Error(`The tests of ${operator} have failed:\n${stdout}`);
  const { testResults } = JSON.parse(readFileSync(report, 'utf8')) as {
    testResults: readonly { startTime: number; endTime: number }[];
  };
  return [testResults.reduce((sum, { startTime, endTime }) => sum + endTime - startTime, 0) / 1_000, all];
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;
}

function row(title: string, cells: readonly (number | string)[]): void {
  write(`| ${[title, ...cells].join(' | ')} |`);
}

row('', OPERATORS);
row(
  '---',
  OPERATORS.map(() => '--:'),
);
row('lines of code, with the definition of the kind', OPERATORS.map(codeOf));
row('lines of tests', OPERATORS.map(testsOf));
const times = OPERATORS.map((operator) => Array.from({ length: Number(values.rounds) }, () => timeOf(operator)));
const timesOf = (at: 0 | 1): string[] => times.map((rounds) => `${median(rounds.map((round) => round[at])).toFixed(1)} s`);
row('time of the tests', timesOf(0));
row('and with the start of vitest', timesOf(1));

if (!values['no-faults']) {
  write('');
  row('what happens', OPERATORS);
  row(
    '---',
    OPERATORS.map(() => '--:'),
  );
  for (const scenario of SCENARIOS) {
    const cells: string[] = [];
    for (const operator of OPERATORS) {
      const seconds = await suffer(operator, scenario);
      cells.push(seconds === undefined ? 'not within 30 s' : `${seconds.toFixed(1)} s`);
    }
    row(scenario.title, cells);
  }
}
