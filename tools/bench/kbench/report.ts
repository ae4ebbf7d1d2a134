import type { FunctionTime } from '../measure/profile.ts';
import type { Usage } from '../measure/processes.ts';
import type { LoadResult } from './load-tool.ts';
import type { Case } from './parts.ts';

/** What came out of a case. */
export interface Row extends Case {
  readonly result: LoadResult;
  readonly usage: Usage;
  /** CPU milliseconds of one echo. */
  readonly echoMs: number;
  /** False if it is not known which processes are the server's. */
  readonly isMetered: boolean;
}

const COLUMNS = [
  'CPU ms/op',
  'echo ms',
  'echoes',
  'aim',
  'peer',
  'ops/s',
  'p50 ms',
  'p99 ms',
  'RSS MiB',
  'of it own',
  'other cores',
] as const;

/** Starts a Markdown table. */
export function printHead(part: string): void {
  print(`\n${part}\n`);
  print(`| ${['work'.padEnd(48), ...COLUMNS].join(' | ')} |`);
  print(`|${'-'.repeat(50)}|${COLUMNS.map((name) => `${'-'.repeat(name.length + 1)}:|`).join('')}`);
}

export function printRow(row: Row): void {
  const { name, result, usage, echoMs, aim, peer, isMetered } = row;
  if (result.state === 'failed' || result.ops === 0) {
    print(`| ${name.padEnd(48)} | failed: ${result.error ?? 'no operation ended'}`);
    return;
  }
  const cells = [
    isMetered ? significant(cpuMsOf(row)) : '-',
    echoMs.toFixed(4),
    isMetered ? significant(echoesOf(row)) : '-',
    aim === undefined ? '' : significant(aim),
    peer === undefined ? '' : significant(peer),
    significant(result.ops / result.seconds),
    significant(result.p50Ms),
    significant(result.p99Ms),
    isMetered ? usage.residentMiB.toFixed(0) : '-',
    isMetered ? usage.anonymousMiB.toFixed(0) : '-',
    usage.otherCores.toFixed(2),
  ];
  const aligned = cells.map((cell, i) => cell.padStart(COLUMNS[i]?.length ?? 0));
  const mistakes = result.errors > 0 ? ` ${result.errors} errors: ${result.error ?? ''}` : '';
  print(`| ${[name.padEnd(48), ...aligned].join(' | ')} |${mistakes}`);
}

/** Of each case the round whose cost is in the middle. */
export function printMedians(rows: readonly Row[], rounds: number): void {
  printHead(`medians of ${rounds} rounds`);
  for (const [, ofCase] of Map.groupBy(rows, ({ name }) => name)) {
    const sorted = ofCase.toSorted((a, b) => echoesOf(a) - echoesOf(b));
    const middle = sorted[Math.floor((sorted.length - 1) / 2)];
    if (middle) printRow(middle);
  }
}

function cpuMsOf({ usage, result }: Row): number {
  return (usage.cpuSeconds * 1000) / result.ops;
}

function echoesOf(row: Row): number {
  return cpuMsOf(row) / row.echoMs;
}

export function printProfile(functions: readonly FunctionTime[]): void {
  for (const { name, ms, share } of functions) {
    print(`    ${(share * 100).toFixed(1).padStart(5)} % ${ms.toFixed(0).padStart(6)} ms  ${name}`);
  }
}

export function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

/** Three digits that count, with separators. */
function significant(value: number): string {
  return value.toLocaleString('en-US', { maximumSignificantDigits: 3 });
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
