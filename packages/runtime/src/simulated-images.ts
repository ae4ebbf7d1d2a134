import { createHash } from 'node:crypto';
import { KeelsonError } from '@keelson/base';
import type { Images, ImageStatus, PullCredentials } from './container-runtime.ts';

/** Images with this word in their name cannot be pulled. */
const MISSING = /does-not-exist|missing/;

/** A registry that has every image, but for those whose names say that they are missing. */
export class SimulatedImages implements Images {
  readonly #images = new Map<string, ImageStatus>();

  async find(reference: string): Promise<ImageStatus | undefined> {
    return this.#images.get(reference) ?? [...this.#images.values()].find(({ id }) => id === reference);
  }

  async list(): Promise<readonly ImageStatus[]> {
    return [...this.#images.values()];
  }

  async pull(reference: string, _credentials: PullCredentials | undefined): Promise<ImageStatus> {
    if (MISSING.test(reference)) {
      throw new KeelsonError(
        'NotFound',
        `pull access denied for ${reference}, repository does not exist or may require authorization`,
      );
    }
    const digest = createHash('sha256').update(reference).digest('hex');
    const image = {
      id: `sha256:${digest}`,
      repoTags: [reference],
      repoDigests: [`${reference.split(/[:@]/)[0]}@sha256:${digest}`],
      sizeBytes: 1_000_000,
      user: '',
    };
    this.#images.set(reference, image);
    return image;
  }

  async remove(reference: string): Promise<void> {
    this.#images.delete(reference);
  }
}
