import { resolve } from 'node:path';
import { KeelsonError } from '@keelson/base';
import { importImages } from '@keelson/runtime-lxc';
import { lxcDirectory } from './cluster/node-runtimes.ts';

/** Takes images into the store of a cluster on LXC, and prints what they are called. The cluster may run meanwhile. */
export async function loadImages(
  files: readonly string[],
  { dataDir, name }: { readonly dataDir: string; readonly name?: string },
): Promise<void> {
  if (name !== undefined && files.length > 1)
    throw new KeelsonError('BadRequest', `One name cannot be that of ${files.length} files`);
  for (const file of files) {
    const images = await importImages(lxcDirectory(dataDir), resolve(file), name);
    for (const { id, repoTags } of images) process.stdout.write(`${repoTags.join(' ') || id}\n`);
  }
}
