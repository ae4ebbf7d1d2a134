import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { KeelsonError } from '@keelson/base';
import type { Mount, MountedImage } from '@keelson/runtime';
import { resolveInRoot } from '../config/root-path.ts';
import type { ImageStore } from './image-store.ts';

type Trees = Pick<ImageStore, 'find' | 'treeOf'>;

/** Puts the unpacked files of images where mounts ask for images, and says whose they are. Rejects with `BadRequest` if they are not there. */
export async function withImages(
  mounts: readonly Mount[],
  images: Trees,
): Promise<{ readonly mounts: readonly Mount[]; readonly trees: readonly string[] }> {
  const trees: string[] = [];
  const found: Mount[] = [];
  for (const { image, ...mount } of mounts) {
    if (!image) found.push(mount);
    else {
      const { tree, path } = await filesOf(image, images);
      trees.push(tree);
      found.push({ ...mount, hostPath: path, readOnly: true });
    }
  }
  return { mounts: found, trees };
}

async function filesOf({ id, subPath }: MountedImage, images: Trees): Promise<{ readonly tree: string; readonly path: string }> {
  const image = await images.find(id);
  if (!image) throw new KeelsonError('NotFound', `No such image: ${id}`);
  const tree = images.treeOf(image);
  // Links in it lead to places in it.
  const path = join(tree, resolveInRoot(tree, `/${subPath}`));
  if ((await stat(path).catch(() => undefined))?.isDirectory()) return { tree, path };
  throw new KeelsonError('BadRequest', `cannot mount "${subPath}" of the image: it is no directory there`);
}
