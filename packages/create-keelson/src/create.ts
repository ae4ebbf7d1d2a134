import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import { KeelsonError } from '@keelson/base';
import type { Names } from './names.ts';

/** A project of Greetings, complete and tested as it stands. */
const TEMPLATE = join(import.meta.dirname, '../template');
/** npm leaves out or renames files with a dot. */
const DOTTED = new Set(['gitignore', 'dockerignore']);

/** Writes a new operator into a directory, which must be empty or not there. Gives the files, sorted. */
export async function createProject(directory: string, names: Names): Promise<readonly string[]> {
  await mkdir(directory, { recursive: true });
  const present = await readdir(directory);
  if (present.some((name) => name !== '.git'))
    throw new KeelsonError('AlreadyExists', `Cannot create a project in "${directory}": it is not empty`);
  const created: string[] = [];
  for (const entry of await readdir(TEMPLATE, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const source = join(entry.parentPath, entry.name);
    const file = rename(relative(TEMPLATE, source), names);
    const target = join(directory, dirname(file), DOTTED.has(basename(file)) ? `.${basename(file)}` : basename(file));
    await mkdir(dirname(target), { recursive: true });
    await writeFile(target, rename(await readFile(source, 'utf8'), names));
    created.push(relative(directory, target));
  }
  return created.toSorted();
}

/** What is called after Greetings, called after the new kind. */
function rename(text: string, { project, kind, file, plural, group }: Names): string {
  const variable = kind.charAt(0).toLowerCase() + kind.slice(1);
  return text
    .replaceAll('greeting-operator', project)
    .replaceAll('greetings', plural)
    .replaceAll(/greeting(?=[A-Z])/g, variable)
    .replaceAll('greeting', file)
    .replaceAll('Greeting', kind)
    .replaceAll('example.com', group);
}
