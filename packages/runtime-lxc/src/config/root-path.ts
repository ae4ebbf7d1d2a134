import { lstatSync, readlinkSync } from 'node:fs';
import { chmod, chown, lstat, mkdir, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { KeelsonError } from '@keelson/base';

const MAX_LINKS = 40;

/**
 * Where a path leads inside a tree of files, with all symbolic links followed as if the tree were the root: absolute within the tree, and
 * never outside of it. What is not there is taken as it stands. Throws `BadRequest` for links that go round in circles.
 */
export function resolveInRoot(root: string, path: string): string {
  const left = path.split('/').filter((part) => part !== '' && part !== '.');
  const done: string[] = [];
  let links = 0;
  for (let part = left.shift(); part !== undefined; part = left.shift()) {
    if (part === '..') {
      done.pop();
      continue;
    }
    const target = linkAt(join(root, ...done, part));
    if (target === undefined) {
      done.push(part);
      continue;
    }
    links += 1;
    if (links > MAX_LINKS) throw new KeelsonError('BadRequest', `"${path}" has too many levels of symbolic links`);
    if (target.startsWith('/')) done.length = 0;
    left.unshift(...target.split('/').filter((each) => each !== '' && each !== '.'));
  }
  return `/${done.join('/')}`;
}

function linkAt(path: string): string | undefined {
  return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() ? readlinkSync(path) : undefined;
}

/**
 * Makes a place to mount on in the layer above a tree, unless the tree has one: so LXC need not, which it could not in a root that is for reading
 * only. Directories on the way keep the owner and mode that they have in the tree.
 */
export async function makePlace(tree: string, upper: string, path: string, kind: 'directory' | 'file'): Promise<void> {
  if (path === '/' || (await lstat(join(tree, path)).catch(() => undefined)) !== undefined) return;
  if (kind === 'directory') return makeDirectory(tree, upper, path);
  await makeDirectory(tree, upper, dirname(path));
  await writeFile(join(upper, path), '', { flag: 'a' });
}

async function makeDirectory(tree: string, upper: string, path: string): Promise<void> {
  if (path === '/') return;
  await makeDirectory(tree, upper, dirname(path));
  const there = await stat(join(tree, path)).catch(() => undefined);
  const place = join(upper, path);
  try {
    await mkdir(place);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return;
    throw error;
  }
  await chmod(place, there ? there.mode & 0o7777 : 0o755);
  if (there) await chown(place, there.uid, there.gid);
}
