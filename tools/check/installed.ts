import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Tarball } from './tarball.ts';
import { root } from './workspace.ts';

/** What entry points for tests may expect of the project that uses them, without a dependency. */
const OF_THE_PROJECT = ['@types/node', 'vitest', 'fast-check'];

/** What goes wrong in a project that has the packages installed, each with its declared dependencies and no others. */
export function checkInstalled(tarballs: readonly Tarball[], directory: string): string[] {
  for (const tarball of tarballs) install(tarball, directory, tarballs);
  for (const name of OF_THE_PROJECT) link(name, join(root, 'node_modules', name), directory);
  const specifiers = tarballs.flatMap(({ manifest, entryPoints }) => entryPoints.map((entry) => join(manifest.name, entry)));
  writeFileSync(join(directory, 'package.json'), '{"type":"module"}');
  return [...checkTypes(specifiers, directory), ...checkLoading(specifiers, directory)];
}

function install({ project, manifest, files, read }: Tarball, directory: string, all: readonly Tarball[]): void {
  const target = join(directory, 'node_modules', manifest.name);
  for (const file of files) {
    mkdirSync(dirname(join(target, file)), { recursive: true });
    writeFileSync(join(target, file), read(file));
  }
  const ours = new Set(all.map(({ manifest: { name } }) => name));
  for (const name of Object.keys(manifest.dependencies ?? {})) {
    const nested = join(root, project.dir, 'node_modules', name);
    if (!ours.has(name)) link(name, existsSync(nested) ? nested : join(root, 'node_modules', name), target);
  }
}

function link(name: string, from: string, project: string): void {
  const to = join(project, 'node_modules', name);
  mkdirSync(dirname(to), { recursive: true });
  symlinkSync(from, to);
}

function checkTypes(specifiers: readonly string[], directory: string): string[] {
  const lines = specifiers.map((specifier, index) => `import * as p${index} from '${specifier}';\nvoid p${index};\n`);
  writeFileSync(join(directory, 'types.ts'), lines.join(''));
  const options = { module: 'nodenext', target: 'es2024', lib: ['esnext'], strict: true, noEmit: true, types: ['node'] };
  writeFileSync(join(directory, 'tsconfig.json'), JSON.stringify({ compilerOptions: options, files: ['types.ts'] }));
  const { status, stdout } = spawnSync('tsc', ['-p', directory, '--pretty', 'false'], { cwd: directory, encoding: 'utf8' });
  if (status === 0) return [];
  // Mistakes in the declarations of others are theirs.
  return stdout.split('\n').filter((line) => /^types\.ts|^node_modules\/(?:@keelson|keelson)\/(?!.*node_modules\/)/.test(line));
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
