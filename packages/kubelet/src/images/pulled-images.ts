import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errorMessage, type Logger } from '@keelson/base';
import type { ImageStatus } from '@keelson/runtime';

export interface PulledImagesDependencies {
  readonly logger: Logger;
  /** Where it is noted down, so that the next kubelet knows. */
  readonly file: string;
}

/** The names by which images were pulled, by store and id. */
type Names = Map<string, ReadonlySet<string>>;

/**
 * Which images on a node were brought there by its kubelet, and by nobody else. A runtime may be one that people use too: what was there before,
 * and what somebody has given another name, is theirs. An entry that is lost keeps an image from being removed; never the other way round.
 */
export class PulledImages {
  readonly #deps: PulledImagesDependencies;
  #names: Promise<Names> | undefined;
  #written: Promise<void> = Promise.resolve();

  constructor(deps: PulledImagesDependencies) {
    this.#deps = deps;
  }

  /** An image was pulled into a store. `before` is what the same reference meant until then, if anything. Never rejects. */
  async note(store: string, before: ImageStatus | undefined, after: ImageStatus): Promise<void> {
    if (before?.id === after.id) return;
    const names = await this.#load();
    const key = keyOf(store, after);
    const known = names.get(key) ?? new Set();
    const added = after.repoTags.filter((tag) => !known.has(tag));
    // One pull gives one name: a second one was somebody's before.
    if (added.length > 1) return;
    names.set(key, new Set([...known, ...added]));
    await this.#write(names);
  }

  /** True if nobody but the kubelet has an interest in an image. */
  async isOwn(store: string, image: ImageStatus): Promise<boolean> {
    const known = (await this.#load()).get(keyOf(store, image));
    return known !== undefined && image.repoTags.every((tag) => known.has(tag));
  }

  /** These are all the images of a store: others are forgotten. Never rejects. */
  async retain(store: string, images: readonly ImageStatus[]): Promise<void> {
    const names = await this.#load();
    const kept = new Set(images.map((image) => keyOf(store, image)));
    const gone = [...names.keys()].filter((key) => key.startsWith(`${store}/`) && !kept.has(key));
    for (const key of gone) names.delete(key);
    if (gone.length > 0) await this.#write(names);
  }

  #load(): Promise<Names> {
    this.#names ??= this.#read();
    return this.#names;
  }

  async #read(): Promise<Names> {
    try {
      const found: unknown = JSON.parse(await readFile(this.#deps.file, 'utf8'));
      return new Map(Object.entries(found ?? {}).map(([key, names]) => [key, new Set((names as unknown[]).map(String))]));
    } catch {
      return new Map(); // There is none, or it was cut off.
    }
  }

  #write(names: Names): Promise<void> {
    this.#written = this.#written.then(() => this.#replace(names));
    return this.#written;
  }

  async #replace(names: Names): Promise<void> {
    const { file, logger } = this.#deps;
    const content = JSON.stringify(Object.fromEntries([...names].map(([key, set]) => [key, [...set]])));
    try {
      await mkdir(dirname(file), { recursive: true });
      await writeFile(`${file}.new`, content);
      await rename(`${file}.new`, file);
    } catch (error) {
      logger.warn('pulled images not noted down', { file, error: errorMessage(error) });
    }
  }
}

function keyOf(store: string, { id }: ImageStatus): string {
  return `${store}/${id}`;
}
