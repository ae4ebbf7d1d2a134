// Checks that packages import only from lower layers (package.json `nx.tags`), only through what they declare, and that packages of
// `platform:any` stay free of Node. Prints each violation and exits with 1 if there is any.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { importsOf, isTestFile, type Manifest, packageOf, type Project, readProjects, root, sourcesOf } from './workspace.ts';

const projects = new Map(readProjects().map((project) => [project.manifest.name, project]));
const rootDevDependencies = (JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Manifest).devDependencies ?? {};
const violations: string[] = [];

function layerOf({ manifest }: Project): number {
  const tag = manifest.nx?.tags?.find((name) => name.startsWith('layer:'));
  return Number(tag?.slice('layer:'.length) ?? Number.NaN);
}

function checkImport(project: Project, file: string, specifier: string): void {
  const { manifest } = project;
  if (specifier.startsWith('.')) return;
  const isTest = isTestFile(file);
  if (specifier.startsWith('node:')) {
    if (manifest.nx?.tags?.includes('platform:any') && !isTest)
      violations.push(`${file}: "${specifier}" in a package of platform:any`);
    return;
  }
  const name = packageOf(specifier);
  if (name === manifest.name) return;
  const target = projects.get(name);
  if (target && !(layerOf(target) < layerOf(project)))
    violations.push(`${file}: layer ${layerOf(project)} imports "${name}" of layer ${layerOf(target)}`);
  const declared =
    manifest.dependencies?.[name] ?? (isTest ? (manifest.devDependencies?.[name] ?? rootDevDependencies[name]) : undefined);
  if (declared === undefined) violations.push(`${file}: "${name}" is not declared in ${project.dir}/package.json`);
}

let files = 0;
for (const project of projects.values()) {
  if (Number.isNaN(layerOf(project))) violations.push(`${project.dir}/package.json: no tag layer:N`);
  for (const file of sourcesOf(project)) {
    files += 1;
    for (const specifier of importsOf(file)) checkImport(project, file, specifier);
  }
}
for (const violation of violations) process.stderr.write(`${violation}\n`);
process.stdout.write(`boundaries: ${projects.size} projects, ${files} files, ${violations.length} violations\n`);
process.exitCode = violations.length > 0 ? 1 : 0;
