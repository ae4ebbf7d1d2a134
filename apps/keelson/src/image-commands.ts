import { resolve } from 'node:path';
import { KeelsonError } from '@keelson/base';
import { loadImages as loadIntoContainerd } from '@keelson/runtime-cri';
import { loadImages as loadIntoDocker } from '@keelson/runtime-docker';
import { importImages } from '@keelson/runtime-lxc';
import { lxcDirectory } from './cluster/runtimes/lxc.ts';

export interface LoadFlags {
  readonly dataDir: string;
  readonly runtime: 'docker' | 'lxc' | 'cri';
  readonly criEndpoint: string;
  readonly name?: string;
}

/** Takes images into the store of a runtime, and prints what they are called. A cluster may run meanwhile. */
export async function loadImages(files: readonly string[], flags: LoadFlags): Promise<void> {
  const { name, runtime } = flags;
  if (name !== undefined && files.length > 1)
    throw new KeelsonError('BadRequest', `One name cannot be that of ${files.length} files`);
  if (name !== undefined && runtime !== 'lxc')
    throw new KeelsonError('BadRequest', 'Images of Docker and containerd are called what their file says');
  for (const file of files) {
    for (const each of await namesOf(resolve(file), flags)) process.stdout.write(`${each}\n`);
  }
}

async function namesOf(file: string, { criEndpoint, dataDir, name, runtime }: LoadFlags): Promise<readonly string[]> {
  switch (runtime) {
    case 'docker':
      return loadIntoDocker(file);
    case 'cri':
      return loadIntoContainerd(file, criEndpoint);
    case 'lxc': {
      const images = await importImages(lxcDirectory(dataDir), file, name);
      return images.map(({ id, repoTags }) => repoTags.join(' ') || id);
    }
  }
}
