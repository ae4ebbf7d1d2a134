import { lstat, mkdir, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { KeelsonError } from '@keelson/base';
import type { Mount } from '@keelson/runtime';
import { makePlace, resolveInRoot } from './root-path.ts';

/** A mount whose place in the container is settled. */
export interface PlacedMount {
  readonly source: string;
  /** Without symbolic links. */
  readonly target: string;
  readonly isFile: boolean;
  readonly readOnly: boolean;
  readonly propagation?: Mount['propagation'];
}

/** LXC mounts these itself before anything else; a place in them need not be made. */
const MADE_BY_LXC = /^\/(dev|proc|sys)(\/|$)/;

/** Finds out where mounts go in an image, and makes their places in the layer above it. The outer ones come first. */
export async function placeMounts(tree: string, upper: string, mounts: readonly Mount[]): Promise<readonly PlacedMount[]> {
  const placed: PlacedMount[] = [];
  for (const { hostPath, containerPath, readOnly, propagation } of mounts) {
    if (propagation === 'bidirectional')
      throw new KeelsonError('BadRequest', `Cannot mount "${containerPath}": LXC passes no mounts on to the node`);
    const target = resolveInRoot(tree, containerPath);
    const isFile = await isFileAt(hostPath);
    // A directory of another mount is the outer one's affair: LXC makes the place there.
    const isInMount = placed.some((outer) => target.startsWith(`${outer.target}/`)) || MADE_BY_LXC.test(target);
    if (!isInMount) await makePlace(tree, upper, target, isFile ? 'file' : 'directory');
    placed.push({ source: hostPath, target, isFile, readOnly, ...(propagation && { propagation }) });
  }
  return placed;
}

/** What is not there is made, as a directory: other runtimes do so too. */
async function isFileAt(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  if (!found) await mkdir(path, { recursive: true });
  return found !== undefined && !found.isDirectory();
}

const NOT_DEVICES = new Set([
  'console',
  'mqueue',
  'pts',
  'shm',
  'ptmx',
  'tty',
  'null',
  'zero',
  'full',
  'random',
  'urandom',
  'fd',
]);

/** All devices of the node, for who may do everything. */
export async function hostDevices(directory = '/dev'): Promise<readonly PlacedMount[]> {
  const found: PlacedMount[] = [];
  for (const name of await readdir(directory)) {
    if (directory === '/dev' && NOT_DEVICES.has(name)) continue;
    const path = join(directory, name);
    const entry = await lstat(path).catch(() => undefined);
    if (entry?.isDirectory()) found.push(...(await hostDevices(path)));
    else if (entry?.isBlockDevice() || entry?.isCharacterDevice())
      found.push({ source: path, target: path, isFile: true, readOnly: false });
  }
  return found;
}
