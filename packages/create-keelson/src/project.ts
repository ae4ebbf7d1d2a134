import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { KeelsonError } from '@keelson/base';

/** One custom resource of a project. */
export interface Api {
  readonly kind: string;
  readonly group: string;
  readonly webhooks: boolean;
}

/** What a project consists of, as far as this program has written it. */
export interface Project {
  readonly project: string;
  /** At least one. */
  readonly apis: readonly Api[];
}

/** `keelson.json`: the project, and what its files were when they were written last, to tell those that were edited. */
export interface ProjectFile extends Project {
  readonly format: 1;
  /** SHA-256 of each, by path. */
  readonly written: Readonly<Record<string, string>>;
}

const FILE = 'keelson.json';

/** `NotFound` if the directory has no project of this program. */
export async function readProject(directory: string): Promise<ProjectFile> {
  const path = join(directory, FILE);
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new KeelsonError('NotFound', `Cannot read "${path}": this is not a project of create-keelson`, { cause });
  });
  const file = JSON.parse(text) as ProjectFile;
  if (file.format !== 1)
    throw new KeelsonError('BadRequest', `Cannot read "${path}": its format is not 1, a newer version has written it`);
  return file;
}

export async function writeProject(directory: string, file: ProjectFile): Promise<void> {
  await writeFile(join(directory, FILE), `${JSON.stringify(file, null, 2)}\n`);
}

export function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
