import type { Directories } from './directories.ts';

/** What both halves of the provisioner work with. */
export interface Parts {
  readonly directories: Directories;
  readonly isHere: (nodeName: string) => boolean;
  readonly provisioner: string;
}

/** Keeps a volume until its directory is deleted. */
export const FINALIZER = 'keelson.dev/local-path';

/** What tells a node from others, in the affinity of volumes. */
export const HOSTNAME = 'kubernetes.io/hostname';
