import { basename } from 'node:path';

/** A test of a foreign client, as it ran. */
export interface Run {
  /** The name of the file that it stands in. */
  readonly file: string;
  readonly client: string;
  readonly version: string;
  /** What of the client it is about: a command, a part of its API. */
  readonly subject: string;
  readonly title: string;
  readonly passed: boolean;
}

interface Report {
  readonly testResults: readonly { readonly name: string; readonly assertionResults: readonly Assertion[] }[];
}

interface Assertion {
  readonly ancestorTitles: readonly string[];
  readonly title: string;
  readonly status: string;
}

/** Suites of clients are named `CLIENT VERSION`, with a version of two numbers, and maybe what they are about; whatever they stand in. */
const CLIENT = /^(\S.*?) (\d+\.\d+)(?: (.+))?$/;

/** Reads a report of vitest. Tests that were left out are no runs. */
export function readRuns(report: string): readonly Run[] {
  const { testResults } = JSON.parse(report) as Report;
  return testResults.flatMap(({ name, assertionResults }) =>
    assertionResults.flatMap((each) => toRun(basename(name), each) ?? []),
  );
}

function toRun(file: string, { ancestorTitles, title, status }: Assertion): Run | undefined {
  const suite = ancestorTitles.findIndex((each) => CLIENT.test(each));
  const [, client, version, about] = CLIENT.exec(ancestorTitles[suite] ?? '') ?? [];
  if (client === undefined || version === undefined || !['passed', 'failed'].includes(status)) return undefined;
  const subject = [...(about === undefined ? [] : [about]), ...ancestorTitles.slice(suite + 1)].join(', ');
  return { file, client, version, subject, title, passed: status === 'passed' };
}
