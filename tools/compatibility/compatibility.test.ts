import { expect, it } from 'vitest';
import { renderPage } from './page.ts';
import { readRuns } from './runs.ts';

const test = (ancestorTitles: readonly string[], title: string, status = 'passed'): object => ({ ancestorTitles, title, status });
const reportOf = (name: string, ...assertionResults: readonly object[]): string =>
  JSON.stringify({ testResults: [{ name, assertionResults }] });
const report = (...assertionResults: readonly object[]): string => reportOf('a.test.ts', ...assertionResults);

it('writes a table a client, a column a version, a row a test', () => {
  const older = report(test(['kubectl 1.9', 'get'], 'as YAML'), test(['kubectl 1.9', 'edit'], 'by an editor', 'failed'));
  const newer = report(
    test(['kubectl 1.35', 'get'], 'as YAML'),
    test(['on Docker', 'kubectl 1.35', 'get'], 'watches'),
    test(['kubectl 1.35 with a proxy'], 'scales'),
    test(['kubectl 1.35', 'top'], 'says that there are no metrics', 'pending'),
    test(['keelson up, killed again and again while it writes'], 'loses no acknowledged write'),
  );

  const page = renderPage([older, newer].flatMap(readRuns));

  expect(page.slice(page.indexOf('## '))).toBe(`## kubectl

| about | case | 1.9 | 1.35 |
|---|---|---|---|
| edit | by an editor | ✗ | – |
| get | as YAML | ✓ | ✓ |
| get | watches | – | ✓ |
| with a proxy | scales | – | ✓ |
`);
});

it('has the same words whatever the order in which files ran', () => {
  const one = reportOf(
    'commands.test.ts',
    test(['helm 4.1', 'install'], 'a chart'),
    test(['kubectl 1.35', 'logs'], 'the last lines'),
  );
  const other = reportOf('streams.test.ts', test(['kubectl 1.35', 'logs'], 'followed'));

  expect(renderPage([one, other].flatMap(readRuns))).toBe(renderPage([other, one].flatMap(readRuns)));
});
