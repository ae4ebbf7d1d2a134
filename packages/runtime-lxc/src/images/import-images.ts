import type { ImageStatus } from '@keelson/runtime';
import { Layout } from '../layout.ts';
import { ImageStore } from './image-store.ts';
import { LxcImages } from './lxc-images.ts';

/** `LxcImages.import` for the runtime that has this `rootDir`, which may run at the same time or not at all. */
export function importImages(rootDir: string, path: string, name?: string): Promise<readonly ImageStatus[]> {
  return new LxcImages(new ImageStore(new Layout(rootDir, '').images), () => new Set()).import(path, name);
}
