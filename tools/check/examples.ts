import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Tarball } from './tarball.ts';

const TIMEOUT_MS = 30_000;
const AT_A_TIME = 2;
/** What an example calls that needs more than Node: those are type-checked only. */
const NEEDS_MORE =
  /\b(?:defaultConfig|loadKubeconfig|runOperator|createOperator|createIngress|dockerAvailable|criAvailable|lxcAvailable)\(/;

/** Writes the first example of a package's README into a project, as a file of its own: `examples/store/README.ts`. */
export function writeExample({ project, files, read }: Tarball, directory: string): string | undefined {
  if (!files.includes('README.md')) return undefined;
  const [, code] = /^```ts\n(.*?)^```/ms.exec(read('README.md')) ?? [];
  if (code === undefined) return undefined;
  const file = join('examples', basename(project.dir), 'README.ts');
  mkdirSync(dirname(join(directory, file)), { recursive: true });
  writeFileSync(join(directory, file), `${code}\nexport {};\n`);
  return file;
}

/** Runs the examples that need nothing but Node. Gives those that fail or do not end, with their last words. */
export async function runExamples(files: readonly string[], directory: string): Promise<string[]> {
  const waiting = files.filter((file) => !NEEDS_MORE.test(readFileSync(join(directory, file), 'utf8')));
  const problems: string[] = [];
  const work = async (): Promise<void> => {
    for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
      const failure = await run(join(directory, file), directory);
      if (failure !== undefined) problems.push(`${file}: ${failure}`);
    }
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, work));
  return problems;
}

function run(file: string, directory: string): Promise<string | undefined> {
  const options = { cwd: dirname(file), timeout: TIMEOUT_MS, env: { ...process.env, TMPDIR: directory } };
  return new Promise((resolve) => {
    execFile(process.execPath, [file], options, (error, _stdout, stderr) => {
      if (!error) resolve(undefined);
      else if (error.killed === true) resolve(`did not end within ${TIMEOUT_MS} ms`);
      else resolve(`exited with ${error.code ?? error.signal}: ${stderr.trim()}`);
    });
  });
}
