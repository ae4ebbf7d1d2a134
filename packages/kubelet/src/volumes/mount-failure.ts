import { errorMessage, KeelsonError } from '@keelson/base';

/** Volumes of a pod that could not be made ready; each message is that of a FailedMount event. */
export class MountFailure extends KeelsonError {
  readonly messages: readonly string[];

  constructor(failures: readonly VolumeFailure[]) {
    const messages = failures.map(({ message }) => message);
    super('ServiceUnavailable', messages.join('; '), { cause: failures[0]?.cause });
    this.messages = messages;
  }
}

/** Why one volume could not be made ready. */
export interface VolumeFailure {
  readonly message: string;
  readonly cause: unknown;
}

/** A volume that is known, and could not be set up. `name` is that of the volume of the pod, or of the PersistentVolume. */
export function setUpFailure(name: string, cause: unknown): VolumeFailure {
  return { message: `MountVolume.SetUp failed for volume "${name}" : ${errorMessage(cause)}`, cause };
}

/** A failure that has its own words. */
export class NamedFailure extends Error {
  override readonly name = 'NamedFailure';
}

/** A volume of which it could not be found out what it is. */
export function unprocessed(volume: string, why: string): NamedFailure {
  const lists = `unmounted volumes=[${volume}], unattached volumes=[], failed to process volumes=[${volume}]`;
  return new NamedFailure(`Unable to attach or mount volumes: ${lists}: ${why}`);
}

export function failureOf(name: string, cause: unknown): VolumeFailure {
  return cause instanceof NamedFailure ? { message: cause.message, cause } : setUpFailure(name, cause);
}
