import { globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

type Dependencies = Readonly<Record<string, string>>;

export interface Manifest {
  readonly name: string;
  readonly version?: string;
  readonly private?: boolean;
  readonly exports?: Readonly<Record<string, string | Readonly<Record<string, string>>>>;
  readonly bin?: Readonly<Record<string, string>>;
  readonly dependencies?: Dependencies;
  readonly devDependencies?: Dependencies;
  readonly peerDependencies?: Dependencies;
  readonly nx?: { readonly tags?: readonly string[] };
}

/** A package or app of the workspace. */
export interface Project {
  /** From the root of the repository: `packages/store`. */
  readonly dir: string;
  readonly manifest: Manifest;
}

export const root = join(import.meta.dirname, '../..');

export function readProjects(): Project[] {
  return globSync('{packages,apps}/*/package.json', { cwd: root })
    .toSorted()
    .map((file) => ({ dir: dirname(file), manifest: JSON.parse(readFileSync(join(root, file), 'utf8')) as Manifest }));
}

const IMPORT =
  /(?:^|\n)\s*(?:import|export)\b[^'";]*?from\s*['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]\s*\)|(?:^|\n)import\s+['"]([^'"]+)['"]/g;

/** What a source file imports from outside of itself: `./x.ts`, `node:fs`, `rxjs/operators`. */
export function importsOf(file: string): string[] {
  const text = readFileSync(join(root, file), 'utf8');
  return [...text.matchAll(IMPORT)].flatMap(([, from, dynamic, bare]) => from ?? dynamic ?? bare ?? []);
}

/** The package that a specifier names: `@keelson/api` of `@keelson/api/core/v1`. */
export function packageOf(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

/** Tests, and what is there for tests only. */
export function isTestFile(file: string): boolean {
  return /\.test\.ts$|\/src\/(?:.*\/)?testing(?:\.ts$|\/)|^apps\/e2e\//.test(file);
}

export function sourcesOf({ dir }: Project): string[] {
  return globSync(`${dir}/src/**/*.ts`, { cwd: root });
}

/** Packages that a program's bundle leaves outside: they have to be installed beside it. */
export function importedByBundle({ dir }: Project): string[] {
  return globSync(`${dir}/bundle/*.js`, { cwd: root }).flatMap((file) =>
    Array.from(readFileSync(join(root, file), 'utf8').matchAll(/\bfrom\s*"([^".][^"]*)"/g), ([, name = '']) => packageOf(name)),
  );
}
