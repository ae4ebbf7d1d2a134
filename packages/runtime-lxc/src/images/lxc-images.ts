import type { Images, ImageStatus, PullCredentials } from '@keelson/runtime';
import { pullImage } from '../registry/pull.ts';
import type { ImageRecord } from './image-record.ts';
import type { ImageStore } from './image-store.ts';

/** The images of a store, as the kubelet wants them; and a way to bring some where no registry is. */
export class LxcImages implements Images {
  readonly #store: ImageStore;
  readonly #treesInUse: () => ReadonlySet<string>;

  constructor(store: ImageStore, treesInUse: () => ReadonlySet<string>) {
    this.#store = store;
    this.#treesInUse = treesInUse;
  }

  async find(reference: string): Promise<ImageStatus | undefined> {
    const record = await this.#store.find(reference);
    return record && statusOf(record);
  }

  async list(): Promise<readonly ImageStatus[]> {
    return (await this.#store.list()).map(statusOf);
  }

  async pull(reference: string, credentials: PullCredentials | undefined, signal?: AbortSignal): Promise<ImageStatus> {
    return statusOf(await pullImage(this.#store, reference, credentials, signal));
  }

  async remove(reference: string): Promise<void> {
    await this.#store.remove(reference, this.#treesInUse);
  }

  async directory(): Promise<string> {
    return this.#store.directory;
  }

  /**
   * Takes in what is in a file of `docker save`, an OCI layout (a directory or an archive), or an archive of a root file system. `name` is what the
   * image is called, instead of what the file says; a plain root file system needs one.
   */
  async import(path: string, name?: string): Promise<readonly ImageStatus[]> {
    return (await this.#store.import(path, name)).map(statusOf);
  }
}

function statusOf({ id, repoTags, repoDigests, sizeBytes, config }: ImageRecord): ImageStatus {
  return { id, repoTags, repoDigests, sizeBytes, user: config.User ?? '' };
}
