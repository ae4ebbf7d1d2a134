import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { runExamples, writeExample } from './examples.ts';
import type { Tarball } from './tarball.ts';
import { type Project, root } from './workspace.ts';

/** What entry points for tests may expect of the project that uses them, without a dependency. */
const OF_THE_PROJECT = ['@types/node', 'vitest', 'fast-check'];

/**
 * What goes wrong in a project that has the packages installed, each with its declared dependencies and no others: in the types and the
 * loading of every entry point, and in the types and the running of the first example of each README.
 */
export async function checkInstalled(tarballs: readonly Tarball[], directory: string): Promise<string[]> {
  for (const tarball of tarballs) install(tarball, directory, tarballs);
  for (const name of OF_THE_PROJECT) link(name, join(root, 'node_modules', name), directory);
  const specifiers = tarballs.flatMap(({ manifest, entryPoints }) => entryPoints.map((entry) => join(manifest.name, entry)));
  writeFileSync(join(directory, 'package.json'), '{"type":"module"}');
  const lines = specifiers.map((specifier, index) => `import * as p${index} from '${specifier}';\nvoid p${index};\n`);
  writeFileSync(join(directory, 'types.ts'), lines.join(''));
  const examples = tarballs.flatMap((tarball) => {
    const file = writeExample(tarball, directory);
    if (file !== undefined) linkForExample(tarball, file, directory);
    return file ?? [];
  });
  const problems = [...checkTypes(['types.ts', ...examples], directory), ...checkLoading(specifiers, directory)];
  return [...problems, ...(await runExamples(examples, directory))];
}

function install({ project, manifest, files, read }: Tarball, directory: string, all: readonly Tarball[]): void {
  const target = join(directory, 'node_modules', manifest.name);
  for (const file of files) {
    mkdirSync(dirname(join(target, file)), { recursive: true });
    writeFileSync(join(target, file), read(file));
  }
  const ours = new Set(all.map(({ manifest: { name } }) => name));
  for (const name of Object.keys(manifest.dependencies ?? {})) {
    if (!ours.has(name)) link(name, installedAt(project, name), target);
  }
}

function installedAt({ dir }: Project, name: string): string {
  const nested = join(root, dir, 'node_modules', name);
  return existsSync(nested) ? nested : join(root, 'node_modules', name);
}

function link(name: string, from: string, project: string): void {
  const to = join(project, 'node_modules', name);
  mkdirSync(dirname(to), { recursive: true });
  symlinkSync(from, to);
}

/** An example may import what its package depends on. */
function linkForExample({ project, manifest }: Tarball, file: string, directory: string): void {
  const target = dirname(join(directory, file));
  for (const name of Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies })) {
    if (!existsSync(join(directory, 'node_modules', name))) link(name, installedAt(project, name), target);
  }
}

function checkTypes(files: readonly string[], directory: string): string[] {
  const options = { module: 'nodenext', target: 'es2024', lib: ['esnext'], strict: true, noEmit: true, types: ['node'] };
  writeFileSync(join(directory, 'tsconfig.json'), JSON.stringify({ compilerOptions: options, files }));
  const { status, stdout } = spawnSync('tsc', ['-p', directory, '--pretty', 'false'], { cwd: directory, encoding: 'utf8' });
  if (status === 0) return [];
  // Mistakes in the declarations of others are theirs.
  const ours = /^(?:types\.ts|examples\/|node_modules\/(?:@keelson|keelson)\/(?!.*node_modules\/))/;
  return stdout.split('\n').filter((line) => ours.test(line));
}

function checkLoading(specifiers: readonly string[], directory: string): string[] {
  // Entry points for tests work inside of a test run only.
  const loadable = specifiers.filter((specifier) => !specifier.endsWith('/testing'));
  const script = `for (const name of ${JSON.stringify(loadable)}) await import(name).catch((e) => console.log(name + ': ' + e.message));`;
  writeFileSync(join(directory, 'load.js'), `${script}\nprocess.exit();\n`);
  const { status, stdout, stderr } = spawnSync(process.execPath, ['load.js'], { cwd: directory, encoding: 'utf8' });
  const problems = stdout.split('\n').filter((line) => line !== '');
  return status === 0 ? problems : [...problems, `loading failed: ${stderr}`];
}
