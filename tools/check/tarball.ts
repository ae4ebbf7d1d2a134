import { readFileSync } from 'node:fs';
import { checkPackage, createPackageFromTarballData, type Package } from '@arethetypeswrong/core';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import type { Manifest, Project } from './workspace.ts';

/** A package as it would be published. */
export interface Tarball {
  readonly project: Project;
  readonly manifest: Manifest;
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Paths from the package's root: `dist/index.js`. */
  readonly files: readonly string[];
  /** What can be imported, patterns expanded: `.`, `./module`. */
  readonly entryPoints: readonly string[];
  read(file: string): string;
}

/** The condition under which this repository runs packages from their sources; those are not published. */
const WORKSPACE_CONDITION = 'keelson-source';
/** The packages are ESM only: what other ways of loading would find is of no interest. */
const RESOLUTIONS: readonly string[] = ['node16-esm', 'bundler'];

export function readTarball(project: Project, file: string): Tarball {
  const bytes = new Uint8Array(readFileSync(file));
  const content: Package = createPackageFromTarballData(bytes);
  const prefix = `/node_modules/${content.packageName}/`;
  const files = content.listFiles().map((path) => path.slice(prefix.length));
  const read = (path: string): string => content.readFile(`${prefix}${path}`);
  const manifest = JSON.parse(read('package.json')) as Manifest;
  return { project, manifest, bytes, files, entryPoints: entryPointsOf(manifest, files), read };
}

function entryPointsOf({ exports = {} }: Manifest, files: readonly string[]): string[] {
  return Object.entries(exports).flatMap(([name, target]) => {
    if (typeof target === 'string') return [];
    const [before = '', after] = (target['default'] ?? '').replace(/^\.\//, '').split('*');
    if (after === undefined) return [name];
    return files
      .filter((file) => file.startsWith(before) && file.endsWith(after))
      .map((file) => name.replace('*', file.slice(before.length, file.length - after.length)));
  });
}

/** What is wrong with a package by itself. */
export async function checkTarball(tarball: Tarball): Promise<string[]> {
  const problems = [...checkManifest(tarball), ...(await checkByPublint(tarball)), ...(await checkTypes(tarball))];
  return problems.map((problem) => `${tarball.project.dir}: ${problem}`);
}

function* checkManifest({ manifest, files, entryPoints, read }: Tarball): Generator<string> {
  const fields = manifest as unknown as Readonly<Record<string, unknown>>;
  for (const name of ['version', 'description', 'license', 'files', 'engines', 'publishConfig']) {
    if (fields[name] === undefined) yield `package.json has no "${name}"`;
  }
  if (fields['type'] !== 'module') yield 'package.json is not of type "module"';
  if (entryPoints.length === 0) yield 'package.json exports nothing';
  if (!files.includes('README.md')) yield 'README.md is missing';
  else if (!/^```(?:ts|js|sh|bash|console)$/m.test(read('README.md'))) yield 'README.md has no example';
  // Templates are there to be published, with their tests.
  for (const file of files.filter((each) => !each.startsWith('template/')))
    if (/\.test\.|\.tsbuildinfo$|^src\//.test(file)) yield `${file} would be published`;
}

async function checkByPublint({ bytes, manifest }: Tarball): Promise<string[]> {
  const { messages } = await publint({ pack: { tarball: bytes.buffer }, strict: true });
  return messages
    .filter(({ path }) => !path.includes(WORKSPACE_CONDITION))
    .map((message) => formatMessage(message, manifest, { color: false }) ?? message.code);
}

async function checkTypes({ bytes, entryPoints }: Tarball): Promise<string[]> {
  const result = await checkPackage(createPackageFromTarballData(bytes), { entrypoints: [...entryPoints] });
  if (!result.types) return ['has no types'];
  return result.problems
    .filter((problem) => !('resolutionKind' in problem) || RESOLUTIONS.includes(problem.resolutionKind))
    .map((problem) => `types: ${problem.kind}${'entrypoint' in problem ? ` at "${problem.entrypoint}"` : ''}`);
}
