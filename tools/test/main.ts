// `npm test`: lint, format, types, module boundaries, packages, then all tests. Runs every stage even if one fails, and closes with
// `N passed, N failed`: the tests, and one for each other stage.
import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';

const root = join(import.meta.dirname, '../..');
/** What the last run reported stays here. */
const reports = join(root, '.nx/reports');

interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

/** A command that passes or fails as a whole. */
function stage(name: string, command: readonly [string, ...string[]]): Counts {
  process.stdout.write(`\n== ${name}\n`);
  const [file, ...args] = command;
  const { status } = spawnSync(file, args, { cwd: root, stdio: 'inherit' });
  if (status !== 0) {
    process.stdout.write(`== ${name}: FAILED\n`);
    failures.push(`stage ${name}`);
  }
  return status === 0 ? { passed: 1, failed: 0, skipped: 0 } : { passed: 0, failed: 1, skipped: 0 };
}

const reportOf = (name: string): string => join(reports, `${name}.json`);

/** A vitest run, counted by its tests. A run that breaks off counts as one more failure. */
function tests(name: string, args: readonly string[]): Counts {
  process.stdout.write(`\n== ${name}\n`);
  const report = reportOf(name);
  const command = ['run', ...args, '--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
  const { status } = spawnSync('vitest', command, { cwd: root, stdio: 'inherit' });
  const counts = readReport(report);
  if (status !== 0 && counts.failed === 0) counts.failed = 1;
  if (counts.skipped > 0)
    process.stdout.write(`== ${name}: ${counts.skipped} tests LEFT OUT on this machine; see above for what they need\n`);
  if (counts.skipped > 0 && process.env['CI']) counts.failed += counts.skipped;
  return counts;
}

/** What is read of the report of vitest's JSON reporter. */
interface Report {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly testResults: readonly {
    readonly name: string;
    readonly message: string;
    readonly assertionResults: readonly {
      readonly status: string;
      readonly fullName: string;
      readonly failureMessages: readonly string[];
    }[];
  }[];
}

/** What failed, to be said again at the very end: of a long output often only the end is kept. */
const failures: string[] = [];

function failuresOf({ testResults }: Report): string[] {
  return testResults.flatMap(({ name, message, assertionResults }) => {
    const failed = assertionResults.filter(({ status }) => status === 'failed');
    const file = relative(root, name);
    if (failed.length === 0) return message === '' ? [] : [`${file}: ${message}`];
    return failed.map(({ fullName, failureMessages }) => `${file}: ${fullName}\n  ${failureMessages.join('\n').slice(0, 1500)}`);
  });
}

function readReport(file: string): Counts {
  try {
    const report = JSON.parse(readFileSync(file, 'utf8')) as Report;
    failures.push(...failuresOf(report));
    return { passed: report.numPassedTests, failed: report.numFailedTests, skipped: report.numPendingTests };
  } catch {
    return { passed: 0, failed: 1, skipped: 0 };
  }
}

rmSync(reports, { recursive: true, force: true });
const results = [
  stage('lint', ['oxlint', '--type-aware', '--deny-warnings']),
  stage('format', ['oxfmt', '--check']),
  stage('types', ['tsc', '-b']),
  stage('bundle', [process.execPath, 'tools/bundle/main.ts']),
  stage('boundaries', [process.execPath, 'tools/check/boundaries.ts']),
  stage('packages', [process.execPath, 'tools/check/packages.ts']),
  tests('unit', []),
  tests('e2e', ['--config', 'apps/e2e/vitest.config.ts']),
];
// The page says what all of it did, so it can be compared only where nothing was left out.
if (results.at(-1)?.skipped === 0)
  results.push(stage('compatibility', [process.execPath, 'tools/compatibility/main.ts', reportOf('e2e')]));
const total = (key: keyof Counts): number => results.reduce((sum, counts) => sum + counts[key], 0);
for (const failure of failures) process.stdout.write(`\nFAILED ${failure}\n`);
process.stdout.write(`\n${total('passed')} passed, ${total('failed')} failed\n`);
process.exitCode = total('failed') > 0 ? 1 : 0;
