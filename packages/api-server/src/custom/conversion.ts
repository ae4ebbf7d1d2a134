import type { KubernetesObject } from '@keelson/api';
import type { Eventually } from '../storage/object-codec.ts';

/** Brings objects of a custom kind from one of its versions into another. */
export interface Conversion {
  /**
   * The objects, which are of other versions, in `apiVersion`, in the same order. What is given may be used up. Rejects with what to tell the
   * client if they cannot be converted.
   */
  convert(objects: readonly KubernetesObject[], apiVersion: string): Eventually<readonly KubernetesObject[]>;
}

/** All versions have the same fields: only the name of the version changes. */
export const NO_CONVERSION: Conversion = {
  convert: (objects, apiVersion) => objects.map((object) => ({ ...object, apiVersion })),
};
