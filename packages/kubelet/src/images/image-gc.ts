import { errorMessage, type Clock, type Logger } from '@keelson/base';
import type { ContainerRuntime, Images, ImageStatus } from '@keelson/runtime';
import type { Alarms } from '../alarms.ts';
import { nodeSubject } from '../event-subject.ts';
import type { EventSink } from '../ports.ts';
import type { ImageRights } from './image-rights.ts';
import type { PulledImages } from './pulled-images.ts';

export interface ImageGcOptions {
  /** Images go when their file system is fuller than this. Default 85. */
  readonly highThresholdPercent?: number;
  /** They go until it is no fuller than this. Default 80. */
  readonly lowThresholdPercent?: number;
  /** One that was first seen more lately stays. Default 120. */
  readonly minimumAgeSeconds?: number;
  /** One that nobody has used for longer goes in any case. Default: never. */
  readonly maximumAgeSeconds?: number;
  /**
   * `pulled`, the default: only images that this node's kubelet has pulled itself, and nobody has given another name. `all`: any image, as
   * Kubernetes does it; for a runtime that nobody else uses.
   */
  readonly scope?: 'pulled' | 'all';
}

export interface ImageGcDependencies {
  readonly runtime: ContainerRuntime;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly alarms: Alarms;
  readonly events: EventSink;
  readonly nodeName: string;
  /** References of images that pods mount. */
  readonly mounted: () => readonly string[];
  readonly pulled: Pick<PulledImages, 'isOwn' | 'retain'>;
  readonly rights: Pick<ImageRights, 'retain'>;
  /** Of the file system that images are on; `undefined` if it is not known. */
  readonly fileSystem: (
    images: Images,
  ) => Promise<{ readonly availableBytes: number; readonly capacityBytes: number } | undefined>;
}

interface Known {
  readonly firstSeenMs: number;
  lastUsedMs: number;
}

/** An image that may go, if nobody uses it. */
interface Candidate {
  readonly image: ImageStatus;
  readonly images: Images;
  readonly known: Known;
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

  /** One look at every store of images, and what follows from it. */
  async collect(): Promise<void> {
    for (const store of this.#stores) await this.#collect(...store);
  }

  /** Removes every image that nobody uses. */
  async removeUnused(): Promise<void> {
    for (const store of this.#stores) await this.#free(await this.#unused(...store), Infinity);
  }

  get #stores(): ReadonlyMap<string, Images> {
    const { runtime } = this.#deps;
    return runtime.imageStores?.() ?? new Map([['', runtime.images]]);
  }

  async #collect(name: string, images: Images): Promise<void> {
    const unused = await this.#removeOld(await this.#unused(name, images));
    const { highThresholdPercent = 85, lowThresholdPercent = 80 } = this.#options;
    const disk = await this.#deps.fileSystem(images);
    if (!disk || disk.capacityBytes === 0) return;
    const usedPercent = 100 - Math.floor((disk.availableBytes * 100) / disk.capacityBytes);
    if (usedPercent < highThresholdPercent) return;
    const wanted = Math.ceil((disk.capacityBytes * (100 - lowThresholdPercent)) / 100 - disk.availableBytes);
    const freed = await this.#free(unused, wanted);
    if (freed >= wanted) return;
    const message = `Failed to garbage collect required amount of images. Attempted to free ${wanted} bytes, but only found ${freed} bytes eligible to free.`;
    this.#deps.events.event(nodeSubject(this.#deps.nodeName), 'Warning', 'FreeDiskSpaceFailed', message);
  }

  /** Looks at a store, and takes down what is used. What may go, those unused for longest first. */
  async #unused(name: string, images: Images): Promise<readonly Candidate[]> {
    const { clock, mounted, pulled, rights, runtime } = this.#deps;
    const { scope = 'pulled' } = this.#options;
    const [all, inUse] = [await images.list(), inUseBy(await runtime.listContainers())];
    for (const reference of mounted()) inUse.add((await images.find(reference))?.id ?? '');
    await pulled.retain(name, all);
    await rights.retain(name, all);
    this.#forgetAllBut(name, all);
    const nowMs = clock.now();
    const unused: Candidate[] = [];
    for (const image of all) {
      const known = this.#known.get(`${name}/${image.id}`) ?? { firstSeenMs: nowMs, lastUsedMs: 0 };
      this.#known.set(`${name}/${image.id}`, known);
      if (isUsed(image, inUse)) known.lastUsedMs = nowMs;
      else if (!image.pinned && (scope === 'all' || (await pulled.isOwn(name, image)))) unused.push({ image, images, known });
    }
    return unused.toSorted(({ known: a }, { known: b }) => a.lastUsedMs - b.lastUsedMs || a.firstSeenMs - b.firstSeenMs);
  }

  #forgetAllBut(store: string, images: readonly ImageStatus[]): void {
    const keys = new Set(images.map(({ id }) => `${store}/${id}`));
    for (const key of this.#known.keys()) if (key.startsWith(`${store}/`) && !keys.has(key)) this.#known.delete(key);
  }

  /** Resolves to the others. */
  async #removeOld(candidates: readonly Candidate[]): Promise<readonly Candidate[]> {
    const { maximumAgeSeconds = 0 } = this.#options;
    if (maximumAgeSeconds === 0) return candidates;
    const nowMs = this.#deps.clock.now();
    const left: Candidate[] = [];
    for (const candidate of candidates) {
      const idleMs = nowMs - Math.max(candidate.known.firstSeenMs, candidate.known.lastUsedMs);
      if (idleMs <= maximumAgeSeconds * 1000 || !(await this.#remove(candidate))) left.push(candidate);
    }
    return left;
  }

  /** Resolves to how many bytes were freed, as far as sizes of images tell. */
  async #free(candidates: readonly Candidate[], wanted: number): Promise<number> {
    const minimumAgeMs = (this.#options.minimumAgeSeconds ?? 120) * 1000;
    let freed = 0;
    for (const candidate of candidates) {
      if (freed >= wanted) break;
      const isNew = this.#deps.clock.now() - candidate.known.firstSeenMs < minimumAgeMs;
      if (!isNew && (await this.#remove(candidate))) freed += candidate.image.sizeBytes;
    }
    return freed;
  }

  async #remove({ image, images }: Candidate): Promise<boolean> {
    const { logger } = this.#deps;
    try {
      for (const name of image.repoTags.length > 0 ? image.repoTags : [image.id]) await images.remove(name);
      logger.info('image removed', { image: image.repoTags[0] ?? image.id, bytes: image.sizeBytes });
      return true;
    } catch (error) {
      logger.warn('image could not be removed', { image: image.id, error: errorMessage(error) });
      return false;
    }
  }

  #failed(error: unknown): void {
    this.#deps.events.event(nodeSubject(this.#deps.nodeName), 'Warning', 'ImageGCFailed', errorMessage(error));
  }
}

function inUseBy(containers: readonly { readonly image: string; readonly imageId: string }[]): Set<string> {
  return new Set(containers.flatMap(({ image, imageId }) => [image, imageId]));
}

function isUsed({ id, repoDigests, repoTags }: ImageStatus, inUse: ReadonlySet<string>): boolean {
  return [id, ...repoTags, ...repoDigests].some((name) => inUse.has(name));
}
