import { chmod, chown, mkdir } from 'node:fs/promises';
import { parseQuantity } from '@keelson/api';
import { KeelsonError } from '@keelson/base';
import type { EmptyDirVolumeSource } from '@keelson/api/core/v1';
import type { Mounter } from './mounter.ts';
import { exists, type PodDirectories } from './pod-directories.ts';

/** As the kind of volume is called in paths. */
export const EMPTY_DIR = 'empty-dir';

interface EmptyDirRequest {
  readonly uid: string;
  readonly name: string;
  readonly source: EmptyDirVolumeSource;
  readonly fsGroup: number | undefined;
}

/** Makes the directory of an emptyDir, once. In memory if so asked and where something may be mounted; the size limit is then the kernel's. */
export async function makeEmptyDir(
  { uid, name, source, fsGroup }: EmptyDirRequest,
  { directories, mounter }: { readonly directories: PodDirectories; readonly mounter: Mounter },
): Promise<string> {
  const { medium = '', sizeLimit } = source;
  if (medium !== '' && medium !== 'Memory') {
    throw new KeelsonError('BadRequest', `emptyDir with medium "${medium}" is not supported by this node`);
  }
  const directory = directories.volume(uid, EMPTY_DIR, name);
  const isMounted = medium === 'Memory' && mounter.canMount;
  if (isMounted) await mountOnce(directory, sizeLimit, { uid, directories, mounter });
  else if (await exists(directory)) return directory;
  await mkdir(directory, { recursive: true });
  if (fsGroup !== undefined && process.getuid?.() === 0) await chown(directory, -1, fsGroup);
  await chmod(directory, fsGroup === undefined ? 0o777 : 0o2777);
  return directory;
}

/** A kubelet that was killed may have left the directory without its mount. */
async function mountOnce(
  directory: string,
  sizeLimit: string | undefined,
  { uid, directories, mounter }: { readonly uid: string; readonly directories: PodDirectories; readonly mounter: Mounter },
): Promise<void> {
  if ((await exists(directory)) && (await mounter.mountPoints()).includes(directory)) return;
  await directories.mark(uid);
  await mkdir(directory, { recursive: true });
  const options = sizeLimit === undefined ? [] : [`size=${parseQuantity(sizeLimit).value()}`];
  await mounter.mount({ source: 'tmpfs', target: directory, type: 'tmpfs', options });
}
