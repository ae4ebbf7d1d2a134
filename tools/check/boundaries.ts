// Checks that packages import only from lower layers (package.json `nx.tags`), only through what they declare, and that packages of
// `platform:any` stay free of Node. Prints each violation and exits with 1 if there is any.
import { globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

interface Manifest {
  name: string;
  dependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
  nx?: { tags?: string[] };
}
interface Project {
  readonly dir: string;
  readonly manifest: Manifest;
  readonly layer: number;
}

const root = join(import.meta.dirname, '../..');
const projects = new Map<string, Project>();
for (const file of globSync('{packages,apps}/*/package.json', { cwd: root })) {
  const manifest = JSON.parse(readFileSync(join(root, file), 'utf8')) as Manifest;
  const tag = manifest.nx?.tags?.find((name) => name.startsWith('layer:'));
  projects.set(manifest.name, { dir: dirname(file), manifest, layer: Number(tag?.slice('layer:'.length) ?? Number.NaN) });
}

const IMPORT = /(?:^|\n)\s*(?:import|export)\b[^'";]*?from\s*'([^']+)'|\bimport\(\s*'([^']+)'\s*\)|(?:^|\n)import\s+'([^']+)'/g;
const violations: string[] = [];

function checkImport(project: Project, file: string, specifier: string): void {
  const { manifest, layer } = project;
  if (specifier.startsWith('.')) return;
  const isTest = /\.test\.ts$|\/testing(\.ts|\/)/.test(file);
  if (specifier.startsWith('node:')) {
    if (manifest.nx?.tags?.includes('platform:any') && !isTest)
      violations.push(`${file}: "${specifier}" in a package of platform:any`);
    return;
  }
  const name = specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
  const target = projects.get(name);
  if (target && name !== manifest.name && !(target.layer < layer))
    violations.push(`${file}: layer ${layer} imports "${name}" of layer ${target.layer}`);
  if (name === manifest.name) return;
  const declared =
    manifest.dependencies?.[name] ?? (isTest ? (manifest.devDependencies?.[name] ?? rootDevDependencies[name]) : undefined);
  const isTypesOnly = manifest.devDependencies?.[`@types/${name}`] !== undefined && manifest.dependencies?.[name] !== undefined;
  if (declared === undefined && !isTypesOnly)
    violations.push(`${file}: "${name}" is not declared in ${project.dir}/package.json`);
}

const rootDevDependencies = (JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Manifest).devDependencies ?? {};
let files = 0;
for (const project of projects.values()) {
  if (Number.isNaN(project.layer)) violations.push(`${project.dir}/package.json: no tag layer:N`);
  for (const file of globSync(`${project.dir}/src/**/*.ts`, { cwd: root })) {
    files += 1;
    const text = readFileSync(join(root, file), 'utf8');
    for (const [, from, dynamic, bare] of text.matchAll(IMPORT)) checkImport(project, file, from ?? dynamic ?? bare ?? '.');
  }
}
for (const violation of violations) process.stderr.write(`${violation}\n`);
process.stdout.write(`boundaries: ${projects.size} projects, ${files} files, ${violations.length} violations\n`);
process.exitCode = violations.length > 0 ? 1 : 0;
