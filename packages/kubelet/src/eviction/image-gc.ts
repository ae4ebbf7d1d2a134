import { errorMessage, type Clock, type Logger } from '@keelson/base';
import type { ContainerRuntime, ImageStatus } from '@keelson/runtime';
import type { Alarms } from '../alarms.ts';
import { nodeSubject } from '../event-subject.ts';
import type { EventSink } from '../ports.ts';

export interface ImageGcOptions {
  /** Images go when their file system is fuller than this. Default 85. */
  readonly highThresholdPercent?: number;
  /** They go until it is no fuller than this. Default 80. */
  readonly lowThresholdPercent?: number;
  /** One that was first seen more lately stays. Default 120. */
  readonly minimumAgeSeconds?: number;
  /** One that nobody has used for longer goes in any case. Default: never. */
  readonly maximumAgeSeconds?: number;
}

export interface ImageGcDependencies {
  readonly runtime: ContainerRuntime;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly alarms: Alarms;
  readonly events: EventSink;
  readonly nodeName: string;
  /** Of the file system that images are on; `undefined` if it is not known. */
  readonly fileSystem: () => Promise<{ readonly availableBytes: number; readonly capacityBytes: number } | undefined>;
}

interface Known {
  readonly firstSeenMs: number;
  lastUsedMs: number;
}

const PERIOD_MS = 300_000;

/** Removes images that no container uses, those unused for longest first, when their file system fills up. */
export class ImageGc {
  readonly #deps: ImageGcDependencies;
  readonly #options: ImageGcOptions;
  readonly #known = new Map<string, Known>();

  constructor(deps: ImageGcDependencies, options: ImageGcOptions) {
    this.#deps = deps;
    this.#options = options;
  }

  /** From now on it looks every 5 minutes. `run` must not reject. */
  start(run: (task: () => Promise<void>) => void): void {
    this.#deps.alarms.set('image-gc', PERIOD_MS, () =>
      run(async () => {
        await this.collect().catch((error: unknown) => this.#failed(error));
        this.start(run);
      }),
    );
  }

  /** One look, and what follows from it. */
  async collect(): Promise<void> {
    const images = await this.#look();
    await this.#removeOld(images);
    const { highThresholdPercent = 85, lowThresholdPercent = 80 } = this.#options;
    const disk = await this.#deps.fileSystem();
    if (!disk || disk.capacityBytes === 0) return;
    const usedPercent = 100 - Math.floor((disk.availableBytes * 100) / disk.capacityBytes);
    if (usedPercent < highThresholdPercent) return;
    const wanted = Math.ceil((disk.capacityBytes * (100 - lowThresholdPercent)) / 100 - disk.availableBytes);
    const freed = await this.#free(wanted);
    if (freed >= wanted) return;
    const message = `Failed to garbage collect required amount of images. Attempted to free ${wanted} bytes, but only found ${freed} bytes eligible to free.`;
    this.#deps.events.event(nodeSubject(this.#deps.nodeName), 'Warning', 'FreeDiskSpaceFailed', message);
  }

  /** Removes every image that nobody uses. */
  async removeUnused(): Promise<void> {
    await this.#look();
    await this.#free(Infinity);
  }

  async #look(): Promise<readonly ImageStatus[]> {
    const { clock, runtime } = this.#deps;
    const [images, inUse] = [await runtime.images.list(), await this.#inUse()];
    const nowMs = clock.now();
    for (const image of images) {
      const known = this.#known.get(image.id) ?? { firstSeenMs: nowMs, lastUsedMs: 0 };
      if (isUsed(image, inUse)) known.lastUsedMs = nowMs;
      this.#known.set(image.id, known);
    }
    const ids = new Set(images.map(({ id }) => id));
    for (const id of this.#known.keys()) if (!ids.has(id)) this.#known.delete(id);
    return images;
  }

  async #inUse(): Promise<ReadonlySet<string>> {
    const containers = await this.#deps.runtime.listContainers();
    return new Set(containers.flatMap(({ image, imageId }) => [image, imageId]));
  }

  async #removeOld(images: readonly ImageStatus[]): Promise<void> {
    const { maximumAgeSeconds = 0 } = this.#options;
    if (maximumAgeSeconds === 0) return;
    const inUse = await this.#inUse();
    const nowMs = this.#deps.clock.now();
    for (const image of images) {
      const { firstSeenMs = nowMs, lastUsedMs = 0 } = this.#known.get(image.id) ?? {};
      const idleMs = nowMs - Math.max(firstSeenMs, lastUsedMs);
      if (!isUsed(image, inUse) && idleMs > maximumAgeSeconds * 1000) await this.#remove(image);
    }
  }

  /** Resolves to how many bytes were freed, as far as sizes of images tell. */
  async #free(wanted: number): Promise<number> {
    const { clock, runtime } = this.#deps;
    const inUse = await this.#inUse();
    const minimumAgeMs = (this.#options.minimumAgeSeconds ?? 120) * 1000;
    const facts = (image: ImageStatus): Known => this.#known.get(image.id) ?? { firstSeenMs: clock.now(), lastUsedMs: 0 };
    const candidates = (await runtime.images.list())
      .filter((image) => !isUsed(image, inUse) && clock.now() - facts(image).firstSeenMs >= minimumAgeMs)
      .toSorted((a, b) => facts(a).lastUsedMs - facts(b).lastUsedMs || facts(a).firstSeenMs - facts(b).firstSeenMs);
    let freed = 0;
    for (const image of candidates) {
      if (freed >= wanted) break;
      if (await this.#remove(image)) freed += image.sizeBytes;
    }
    return freed;
  }

  async #remove(image: ImageStatus): Promise<boolean> {
    try {
      for (const name of image.repoTags.length > 0 ? image.repoTags : [image.id]) await this.#deps.runtime.images.remove(name);
      this.#known.delete(image.id);
      this.#deps.logger.info('image removed', { image: image.repoTags[0] ?? image.id, bytes: image.sizeBytes });
      return true;
    } catch (error) {
      this.#deps.logger.warn('image could not be removed', { image: image.id, error: errorMessage(error) });
      return false;
    }
  }

  #failed(error: unknown): void {
    this.#deps.events.event(nodeSubject(this.#deps.nodeName), 'Warning', 'ImageGCFailed', errorMessage(error));
  }
}

function isUsed({ id, repoDigests, repoTags }: ImageStatus, inUse: ReadonlySet<string>): boolean {
  return [id, ...repoTags, ...repoDigests].some((name) => inUse.has(name));
}
