// docs/compatibility.md out of what ran: reports of the suites in apps/e2e (vitest's JSON reporter), of which those of foreign clients become
// its tables. Usage: main.ts [--write] REPORT.json... Without --write it fails if the page says anything else.
import { readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { readRuns } from './runs.ts';
import { renderPage } from './page.ts';

const root = join(import.meta.dirname, '../..');
const page = join(root, 'docs/compatibility.md');

const reports = process.argv.slice(2).filter((arg) => !arg.startsWith('--'));
const text = renderPage(reports.flatMap((file) => readRuns(readFileSync(file, 'utf8'))));
if (process.argv.includes('--write')) writeFileSync(page, text);
else if (readFileSync(page, 'utf8') !== text) {
  const [main, file] = [relative(root, import.meta.filename), relative(root, page)];
  process.stderr.write(`${file} does not say what ran. Run: node ${main} --write ${reports.join(' ')}\n`);
  process.exitCode = 1;
}
