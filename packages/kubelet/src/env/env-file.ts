import { readFile, realpath } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { errorMessage, KeelsonError } from '@keelson/base';
import type { FileKeySelector } from '@keelson/api/core/v1';

const LINE = /^[ \t]*([^\s=#][^=\n]*?)[ \t]*=[ \t]*(?:'([^']*)'|"([^"]*)"|([^#\n]*?))[ \t]*(?:#.*)?$/gm;

/**
 * Pure: the variables of a file with an assignment on each line: a value in quotes is taken as it is, over several lines if it likes; one
 * without ends at a `#` or with its line. Empty lines and those that begin with `#` say nothing.
 */
export function parseEnvFile(text: string): ReadonlyMap<string, string> {
  return new Map([...text.matchAll(LINE)].map(([, name = '', single, double, plain = '']) => [name, single ?? double ?? plain]));
}

/**
 * The value of a key in a file of a volume, which is at `volumePath` on the node; `undefined` if it may be missing and is. Rejects with
 * `NotFound` in the words for the waiting message, and with `BadRequest` for a file that lies outside of the volume.
 */
export async function envFileValue(
  { key, optional, path }: FileKeySelector,
  volumePath: string | undefined,
): Promise<string | undefined> {
  if (volumePath === undefined) throw new KeelsonError('NotFound', `volume of file "${path}" not found`);
  const text = await fileIn(volumePath, path).catch((error: unknown) => {
    if (optional && (error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error instanceof KeelsonError
      ? error
      : new KeelsonError('NotFound', `couldn't read file "${path}": ${errorMessage(error)}`);
  });
  if (text === undefined) return undefined;
  const value = parseEnvFile(text).get(key);
  if (value === undefined && !optional)
    throw new KeelsonError('NotFound', `environment variable key "${key}" not found in file "${path}"`);
  return value;
}

/** What a container has written may be a link to anywhere on the node. */
async function fileIn(root: string, path: string): Promise<string> {
  const [realRoot, real] = [await realpath(root), await realpath(join(root, path))];
  if (!real.startsWith(realRoot + sep)) throw new KeelsonError('BadRequest', `file "${path}" lies outside of its volume`);
  return readFile(real, 'utf8');
}
