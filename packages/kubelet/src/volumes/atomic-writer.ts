import { randomBytes } from 'node:crypto';
import {
  chmod,
  chown,
  lstat,
  mkdir,
  readFile,
  readdir,
  readlink,
  rename,
  rm,
  stat,
  symlink,
  unlink,
  writeFile,
} from 'node:fs/promises';
import { dirname, join, normalize } from 'node:path';
import { KeelsonError } from '@keelson/base';

export interface PayloadFile {
  readonly content: Uint8Array;
  /** Permission bits. */
  readonly mode: number;
  /** Whose it is to be; root's, or rather this process', if absent. */
  readonly uid?: number;
}

/** File contents by relative path. */
export type Payload = ReadonlyMap<string, PayloadFile>;

const DATA = '..data';
/** Left there only by a process that was killed between two steps. */
const TEMPORARY = '..data_tmp';

/**
 * Makes the files in `directory` equal to `payload` in one step: readers see all of the old or all of the new. The files live in a
 * directory of their own; `..data` is a symbolic link to it that is replaced by renaming, and each visible name is a link through `..data`.
 *
 * ```
 * key        -> ..data/key
 * ..data     -> ..2026_01_02_03_04_05.123456789
 * ```
 *
 * A payload that is there already changes nothing. Gives true if something was written.
 */
export async function writeAtomically(directory: string, payload: Payload, nowMs: number, gid?: number): Promise<boolean> {
  for (const path of payload.keys()) checkPath(path);
  const present = await readdir(directory);
  const oldName = present.includes(DATA) ? await readlink(join(directory, DATA)).catch(() => undefined) : undefined;
  if (oldName !== undefined && (await isSame(join(directory, oldName), payload, gid))) {
    await linkNames(directory, payload, present);
    return false;
  }
  const newName = `..${stamp(nowMs)}.${randomBytes(5).readUIntBE(0, 5) % 1_000_000_000}`;
  await writeFiles(join(directory, newName), payload, gid);
  if (present.includes(TEMPORARY)) await rm(join(directory, TEMPORARY), { force: true });
  await symlink(newName, join(directory, TEMPORARY));
  await rename(join(directory, TEMPORARY), join(directory, DATA));
  await linkNames(directory, payload, present);
  await removeStale(directory, payload, present);
  return true;
}

function checkPath(path: string): void {
  const isBad = path === '' || path.startsWith('/') || path.startsWith('..') || normalize(path).split('/').includes('..');
  if (isBad) throw new KeelsonError('BadRequest', `invalid path: must be relative and not leave the volume: ${path}`);
}

function stamp(nowMs: number): string {
  return new Date(nowMs).toISOString().slice(0, 19).replace('T', '_').replaceAll('-', '_').replaceAll(':', '_');
}

async function writeFiles(root: string, payload: Payload, gid: number | undefined): Promise<void> {
  await mkdir(root, { recursive: true });
  await chmod(root, 0o755);
  for (const [path, { content, mode, uid }] of payload) {
    const file = join(root, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, content);
    if ((uid ?? gid) !== undefined && process.getuid?.() === 0) await chown(file, uid ?? -1, gid ?? -1);
    await chmod(file, modeFor(mode, gid));
  }
}

/** A group that is given a volume may read all of it. */
function modeFor(mode: number, gid: number | undefined): number {
  return gid === undefined ? mode : mode | 0o440;
}

async function isSame(root: string, payload: Payload, gid: number | undefined): Promise<boolean> {
  const present = await filesUnder(root).catch(() => undefined);
  if (!present || present.length !== payload.size) return false;
  for (const [path, { content, mode }] of payload) {
    const file = join(root, path);
    const found = await readFile(file).catch(() => undefined);
    if (!found || !found.equals(content)) return false;
    if (((await stat(file)).mode & 0o777) !== (modeFor(mode, gid) & 0o777)) return false;
  }
  return true;
}

async function filesUnder(root: string): Promise<string[]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => entry.name);
}

function topNames(payload: Payload): Set<string> {
  return new Set([...payload.keys()].map((path) => normalize(path).split('/')[0] ?? path));
}

async function linkNames(directory: string, payload: Payload, present: readonly string[]): Promise<void> {
  for (const name of topNames(payload)) {
    if (!present.includes(name)) await symlink(join(DATA, name), join(directory, name));
  }
}

/** What was there before, and is of no more use. */
async function removeStale(directory: string, payload: Payload, present: readonly string[]): Promise<void> {
  const keep = topNames(payload);
  for (const name of present) {
    if (name === DATA || name === TEMPORARY || keep.has(name)) continue;
    const path = join(directory, name);
    const found = await lstat(path);
    if (found.isSymbolicLink()) await unlink(path);
    else if (name.startsWith('..')) await rm(path, { recursive: true, force: true });
  }
}
