import type { KubernetesObject } from '@keelson/api';

/** Something now, or a promise of it. */
export type Eventually<T> = T | Promise<T>;

/**
 * Between objects as they are stored, maybe in several versions of their kind, and as one version has them. A storage with a codec holds
 * objects of that version, and whoever reads it finds them so.
 */
export interface ObjectCodec {
  /**
   * Stored objects as this version has them, in the same order; the given objects may be used up. At once if nobody has to be asked. Throws
   * or rejects with what to tell the client if one of them cannot be read.
   */
  read(stored: readonly KubernetesObject[]): Eventually<readonly KubernetesObject[]>;
  /** An object of this version as it is to be stored; the same one if it is stored as it is. It is not changed. */
  write(object: KubernetesObject): Eventually<KubernetesObject>;
}
