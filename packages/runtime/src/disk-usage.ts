import { lstat, readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { DiskUsage } from './container-runtime.ts';

/** What `st_blocks` counts in. */
const BLOCK_BYTES = 512;

/** What the files below some paths take up, each once however many names it has. What vanishes meanwhile does not count. */
export async function diskUsage(...paths: readonly string[]): Promise<Required<DiskUsage>> {
  const linked = new Set<string>();
  const open = [...paths];
  let [usedBytes, inodesUsed] = [0, 0];
  for (let path = open.pop(); path !== undefined; path = open.pop()) {
    const found = await lstat(path).catch(unlessGone);
    if (!found) continue;
    const key = `${found.dev}/${found.ino}`;
    if (found.nlink > 1 && !found.isDirectory()) {
      if (linked.has(key)) continue;
      linked.add(key);
    }
    usedBytes += found.blocks * BLOCK_BYTES;
    inodesUsed += 1;
    if (found.isDirectory()) for (const name of (await readdir(path).catch(unlessGone)) ?? []) open.push(join(path, name));
  }
  return { usedBytes, inodesUsed };
}

/** Of a log, with the files that were put aside: `log.1`, `log.2`... `undefined` where its directory cannot be read. */
export async function logUsage(path: string): Promise<DiskUsage | undefined> {
  const [directory, name] = [dirname(path), basename(path)];
  const names = await readdir(directory).catch(() => undefined);
  const own = names?.filter(
    (each) => each === name || (each.startsWith(`${name}.`) && /^\d+(\.gz)?$/.test(each.slice(name.length + 1))),
  );
  return own && diskUsage(...own.map((each) => join(directory, each)));
}

function unlessGone(error: unknown): undefined {
  const { code } = error as { readonly code?: unknown };
  if (code !== 'ENOENT' && code !== 'ENOTDIR') throw error;
}
