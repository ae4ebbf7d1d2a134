import type { Run } from './runs.ts';

const HEAD = `# Compatibility

Unmodified clients against \`keelson up\`, row by row what each of them did in the suites of \`apps/e2e\`. \`npm test\` runs all of it and fails if
this page says anything else; \`tools/compatibility\` writes it. A \`✓\` is a test that passed, \`✗\` one that failed, and \`–\` is what that version of
the client does not have, or has only for API versions that Kubernetes 1.36 no longer serves.
`;

/** The page: a table a client, a column a version, a row a test, in the order in which tests are written, and files by their names. */
export function renderPage(runs: readonly Run[]): string {
  const byFile = runs.toSorted((a, b) => a.file.localeCompare(b.file));
  const clients = [...Map.groupBy(byFile, ({ client }) => client)].toSorted(([a], [b]) => a.localeCompare(b));
  return [HEAD, ...clients.map(([client, its]) => renderClient(client, its))].join('\n');
}

function renderClient(client: string, runs: readonly Run[]): string {
  const versions = [...new Set(runs.map(({ version }) => version))].toSorted(byNumber);
  const rows = Map.groupBy(inOrder(runs, versions), ({ subject, title }) => `| ${subject} | ${title} |`);
  const lines = [...rows].map(([row, of]) => `${row} ${versions.map((version) => cell(of, version)).join(' | ')} |`);
  return [
    `## ${client}`,
    '',
    `| about | case | ${versions.join(' | ')} |`,
    `|---|---|${'---|'.repeat(versions.length)}`,
    ...lines,
    '',
  ].join('\n');
}

/** By the subjects as the newest version has them, so that what only it can do stands where it belongs. */
function inOrder(runs: readonly Run[], versions: readonly string[]): readonly Run[] {
  const newestFirst = versions.toReversed().flatMap((version) => runs.filter((run) => run.version === version));
  return [...Map.groupBy(newestFirst, ({ subject }) => subject)]
    .toSorted(([a], [b]) => a.localeCompare(b))
    .flatMap(([, its]) => its);
}

function cell(runs: readonly Run[], version: string): string {
  const run = runs.find((each) => each.version === version);
  if (!run) return '–';
  return run.passed ? '✓' : '✗';
}

const byNumber = (a: string, b: string): number => a.localeCompare(b, 'en', { numeric: true });
