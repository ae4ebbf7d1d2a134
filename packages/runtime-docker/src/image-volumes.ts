import { createHash } from 'node:crypto';
import { isReason, KeelsonError } from '@keelson/base';
import type { MountedImage } from '@keelson/runtime';
import { filters, type EngineClient } from './engine/engine-client.ts';
import type { ContainerSummary } from './engine/engine-types.ts';
import { CLUSTER_LABEL } from './record.ts';

/** On what stands for a volume: the volume's name. */
const VOLUME_LABEL = 'io.keelson.image-volume';
/** Where the volume is in the containers that fill and keep it, which never run. */
const TARGET = '/.keelson-image';
/** Large images take long. */
const COPY_TIMEOUT_MS = 600_000;

export interface ImageVolumesDependencies {
  readonly engine: EngineClient;
  readonly cluster: string;
}

/**
 * Files of images as volumes of the engine, for containers to mount. A volume is filled from its image once, and is there until no container mounts it any more. Another
 * container, which never runs, says that it is filled, by its name, and keeps its image from being removed:
 *
 * ```
 * keelson-image-5f2a-filling   being filled, or left so by a process that was killed: begun anew
 * keelson-image-5f2a           filled
 * ```
 */
export class ImageVolumes {
  readonly #deps: ImageVolumesDependencies;
  /** By volume: what is done to it, one thing after the other. */
  readonly #turns = new Map<string, Promise<unknown>>();
  /** Those of containers that are being made. */
  readonly #reserved = new Map<string, number>();

  constructor(deps: ImageVolumesDependencies) {
    this.#deps = deps;
  }

  /** Makes the volumes of images ready, and keeps them until `make` has made a container that mounts them. */
  async during<T>(
    images: readonly MountedImage[],
    make: (names: readonly string[]) => Promise<T>,
    signal?: AbortSignal,
  ): Promise<T> {
    const names = images.map((image) => this.#nameOf(image));
    for (const name of names) this.#reserved.set(name, (this.#reserved.get(name) ?? 0) + 1);
    try {
      for (const image of images) await this.#prepare(image, signal);
      return await make(names);
    } finally {
      for (const name of names) this.#reserved.set(name, (this.#reserved.get(name) ?? 1) - 1);
    }
  }

  /** Removes those that no container mounts any more. */
  async collect(signal?: AbortSignal): Promise<void> {
    const { cluster } = this.#deps;
    const keepers = await this.#containers({ label: [VOLUME_LABEL, `${CLUSTER_LABEL}=${cluster}`] }, signal);
    const names = new Set(keepers.map(({ Labels }) => Labels[VOLUME_LABEL] ?? ''));
    for (const name of names) await this.#inTurn(name, () => this.#removeUnused(name, signal));
  }

  #nameOf({ id, subPath }: MountedImage): string {
    const digest = createHash('sha256')
      .update(JSON.stringify([this.#deps.cluster, id, subPath]))
      .digest('hex');
    return `keelson-image-${digest.slice(0, 24)}`;
  }

  #prepare(image: MountedImage, signal: AbortSignal | undefined): Promise<void> {
    const name = this.#nameOf(image);
    return this.#inTurn(name, async () => {
      const [keeper] = await this.#containers({ name: [`^/${name}$`] }, signal);
      if (!keeper) await this.#fill(name, image, signal);
    });
  }

  async #fill(name: string, { id, subPath }: MountedImage, signal: AbortSignal | undefined): Promise<void> {
    const { engine } = this.#deps;
    const [source, filling] = [`${name}-source`, `${name}-filling`];
    for (const half of [source, filling]) await this.#removeContainer(half, signal);
    await this.#removeVolume(name, signal);
    try {
      await this.#create(source, name, { Image: id }, signal);
      const HostConfig = { Mounts: [{ Type: 'volume', Source: name, Target: TARGET, VolumeOptions: { NoCopy: true } }] };
      await this.#create(filling, name, { Image: id, HostConfig }, signal);
      await this.#copy(source, filling, { subPath, signal });
      await engine.json({ method: 'POST', path: `/containers/${filling}/rename`, query: { name }, signal });
    } catch (error) {
      await this.#removeContainer(filling).catch(() => undefined);
      throw error;
    } finally {
      await this.#removeContainer(source).catch(() => undefined);
    }
  }

  async #create(name: string, volume: string, more: object, signal: AbortSignal | undefined): Promise<void> {
    const Labels = { [VOLUME_LABEL]: volume, [CLUSTER_LABEL]: this.#deps.cluster };
    // It never runs; but an image without a program would be refused.
    const body = { Entrypoint: ['-'], Labels, ...more };
    await this.#deps.engine.json({ method: 'POST', path: '/containers/create', query: { name }, body, signal });
  }

  async #copy(
    from: string,
    to: string,
    { subPath, signal }: { readonly subPath: string; readonly signal: AbortSignal | undefined },
  ): Promise<void> {
    const { engine } = this.#deps;
    const call = { isLong: true, timeoutMs: COPY_TIMEOUT_MS, signal } as const;
    const path = `/${subPath}`;
    const missing = `cannot mount "${subPath}" of the image: it is no directory there`;
    const body = await engine
      .open({ ...call, method: 'GET', path: `/containers/${from}/archive`, query: { path: `${path}/.` } })
      .catch((error: unknown) => {
        throw isReason(error, 'NotFound', 'BadRequest') ? new KeelsonError('BadRequest', missing, { cause: error }) : error;
      });
    const headers = { 'Content-Type': 'application/x-tar' };
    const query = { path: TARGET, noOverwriteDirNonDir: true };
    await engine.run({ ...call, method: 'PUT', path: `/containers/${to}/archive`, query, body, headers });
  }

  async #removeUnused(name: string, signal: AbortSignal | undefined): Promise<void> {
    if ((this.#reserved.get(name) ?? 0) > 0) return;
    this.#reserved.delete(name);
    const users = await this.#containers({ volume: [name] }, signal);
    if (users.some(({ Labels }) => Labels[VOLUME_LABEL] !== name)) return;
    for (const keeper of [name, `${name}-filling`, `${name}-source`]) await this.#removeContainer(keeper, signal);
    await this.#removeVolume(name, signal);
  }

  async #containers(
    filter: Readonly<Record<string, readonly string[]>>,
    signal?: AbortSignal,
  ): Promise<readonly ContainerSummary[]> {
    const query = { all: 1, filters: filters(filter) };
    return this.#deps.engine.json<readonly ContainerSummary[]>({ method: 'GET', path: '/containers/json', query, signal });
  }

  /** With the volumes that its image asks for. */
  async #removeContainer(name: string, signal?: AbortSignal): Promise<void> {
    const call = { method: 'DELETE', path: `/containers/${name}`, query: { force: 1, v: 1 }, signal } as const;
    await this.#deps.engine.json(call).catch(unlessGone);
  }

  async #removeVolume(name: string, signal: AbortSignal | undefined): Promise<void> {
    await this.#deps.engine.json({ method: 'DELETE', path: `/volumes/${name}`, signal }).catch(unlessGone);
  }

  #inTurn<T>(name: string, work: () => Promise<T>): Promise<T> {
    const before = this.#turns.get(name) ?? Promise.resolve();
    const turn = before.then(work, work);
    const settled = turn
      .catch(() => undefined)
      .finally(() => {
        if (this.#turns.get(name) === settled) this.#turns.delete(name);
      });
    this.#turns.set(name, settled);
    return turn;
  }
}

function unlessGone(error: unknown): void {
  if (!isReason(error, 'NotFound')) throw error;
}
