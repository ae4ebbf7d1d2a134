/** A volume of a pod of which can be said how much it takes up. */
export interface MeasurableVolume {
  readonly name: string;
  readonly path: string;
  /** Whether its files have to be counted, or it has a file system of its own that knows. */
  readonly by: 'files' | 'file-system';
  /** It is on the node's disk, and ends with the pod. */
  readonly isEphemeral: boolean;
  /** Name of the PersistentVolumeClaim that it is. */
  readonly claim?: string;
}
