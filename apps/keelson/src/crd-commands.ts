import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { KubernetesObject } from '@keelson/api';
import type { CustomResourceDefinition } from '@keelson/api/apiextensions/v1';
import { KeelsonError } from '@keelson/base';
import { generateTypes } from '@keelson/crd';
import { parseAllDocuments, stringify } from 'yaml';

/** Writes a TypeScript module for each served version of the definitions in YAML or JSON files. Gives what it wrote. */
export async function generate(files: readonly string[], directory: string): Promise<readonly string[]> {
  const written: string[] = [];
  for (const definition of (await Promise.all(files.map(definitionsIn))).flat()) {
    for (const [version, text] of generateTypes(definition)) {
      const { group, names } = definition.spec;
      const file = join(directory, group, `${names.singular ?? names.kind.toLowerCase()}-${version}.ts`);
      await mkdir(join(directory, group), { recursive: true });
      await writeFile(file, text);
      written.push(file);
    }
  }
  return written;
}

async function definitionsIn(file: string): Promise<readonly CustomResourceDefinition[]> {
  const documents = parseAllDocuments(await readFile(file, 'utf8'));
  const [problem] = documents.flatMap(({ errors }) => errors);
  if (problem) throw new KeelsonError('BadRequest', `Cannot read "${file}": ${problem.message}`);
  const objects = documents.map((document) => document.toJS() as KubernetesObject | null);
  const found = objects.filter((object) => object?.kind === 'CustomResourceDefinition') as CustomResourceDefinition[];
  if (found.length === 0) throw new KeelsonError('BadRequest', `There is no CustomResourceDefinition in "${file}"`);
  return found;
}

interface Definable {
  definition(): CustomResourceDefinition;
}

/** The definitions of the custom resources that modules export, as YAML. */
export async function manifests(modules: readonly string[]): Promise<string> {
  const found = new Map<string, CustomResourceDefinition>();
  for (const module of modules) {
    const exported: unknown = await import(pathToFileURL(resolve(module)).href);
    for (const value of Object.values(exported as Record<string, unknown>)) {
      if (!isDefinable(value)) continue;
      const definition = value.definition();
      found.set(definition.metadata?.name ?? '', definition);
    }
  }
  if (found.size === 0) throw new KeelsonError('BadRequest', `No custom resource is exported by ${modules.join(', ')}`);
  return [...found.values()].map((definition) => stringify(definition, { lineWidth: 0 })).join('---\n');
}

function isDefinable(value: unknown): value is Definable {
  return typeof value === 'object' && value !== null && 'definition' in value && typeof value.definition === 'function';
}
