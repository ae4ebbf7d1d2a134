import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { lineDifference } from './line-difference.ts';
import { digestOf, writeProject, type Project } from './project.ts';
import { render } from './render.ts';

/** What has become of a file. */
export type Change =
  | { readonly path: string; readonly what: 'written' }
  /** It was edited, and would be written otherwise now: what is in it (`-`) and what would be (`+`). */
  | { readonly path: string; readonly what: 'kept'; readonly difference: string }
  /** It was deleted, and stays so. */
  | { readonly path: string; readonly what: 'left out' };

/**
 * Brings the files of a project to what this version writes. `written` says what they were when they were written last: what is still so
 * is written anew, and what somebody has edited or deleted is left alone. Gives what is not as it was, sorted.
 */
export async function bring(
  directory: string,
  project: Project,
  written: Readonly<Record<string, string>>,
): Promise<readonly Change[]> {
  const known: Record<string, string> = { ...written };
  const changes: Change[] = [];
  for (const [path, wanted] of await render(project)) {
    const present = await readFile(join(directory, path), 'utf8').catch(() => undefined);
    const change = changeOf({ path, wanted, present, last: written[path] });
    if (change?.what === 'written') {
      await mkdir(dirname(join(directory, path)), { recursive: true });
      await writeFile(join(directory, path), wanted);
    }
    if (change?.what === 'written' || present === wanted) known[path] = digestOf(wanted);
    if (change) changes.push(change);
  }
  await writeProject(directory, { format: 1, ...project, written: known });
  return changes.toSorted((a, b) => (a.path < b.path ? -1 : 1));
}

interface Found {
  readonly path: string;
  readonly wanted: string;
  readonly present: string | undefined;
  /** Its digest when it was written last. */
  readonly last: string | undefined;
}

function changeOf({ path, wanted, present, last }: Found): Change | undefined {
  if (present === wanted) return undefined;
  if (present === undefined) return { path, what: last === undefined ? 'written' : 'left out' };
  if (last === digestOf(present)) return { path, what: 'written' };
  // Edited; there is news only if what would be written has changed since.
  return last === digestOf(wanted) ? undefined : { path, what: 'kept', difference: lineDifference(present, wanted) };
}
