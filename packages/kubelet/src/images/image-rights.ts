import { createHmac, randomBytes } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errorMessage, type Logger } from '@keelson/base';
import type { ImageStatus, PullCredentials } from '@keelson/runtime';

export interface ImageRightsDependencies {
  readonly logger: Logger;
  /** Where it is noted down, so that the next kubelet knows. */
  readonly file: string;
}

export interface PullOutcome {
  /** What was there under the reference. */
  readonly before: ImageStatus | undefined;
  readonly after: ImageStatus;
  readonly credentials: PullCredentials | undefined;
}

/** With whose credentials an image was pulled; `all` if none were needed. */
type Holders = 'all' | readonly string[];

interface State {
  /** What credentials are hashed with, so that nobody can look them up. */
  readonly salt: string;
  /** By store and id, then by repository. */
  readonly images: Record<string, Record<string, Holders>>;
  /** Stores and references of pulls that have begun: who may use what they bring is not known yet. */
  readonly intents: string[];
}

/**
 * Which pods may use an image that is on the node already: those that bring credentials with which it was pulled. Others have to pull it, so
 * that the registry says whether they may. What the kubelet has not pulled itself is for all.
 */
export class ImageRights {
  readonly #deps: ImageRightsDependencies;
  #state: Promise<State> | undefined;
  #written: Promise<void> = Promise.resolve();

  constructor(deps: ImageRightsDependencies) {
    this.#deps = deps;
  }

  /** To be called before a pull: a kubelet that is killed in its course leaves nothing that all may use. */
  async begin(store: string, reference: string): Promise<void> {
    const state = await this.#load();
    const intent = `${store}/${reference}`;
    if (state.intents.includes(intent)) return;
    state.intents.push(intent);
    await this.#write(state);
  }

  /** To be called after a pull; without what came of it if that failed. */
  async end(store: string, reference: string, outcome?: PullOutcome): Promise<void> {
    const state = await this.#load();
    const at = state.intents.indexOf(`${store}/${reference}`);
    if (at >= 0) state.intents.splice(at, 1);
    const isNew = outcome !== undefined && note(state, `${store}/${outcome.after.id}`, reference, outcome);
    if (isNew || at >= 0) await this.#write(state);
  }

  /** `credentials` are asked for only if they count. Rejects with their failure. */
  async mayUse(
    store: string,
    reference: string,
    image: ImageStatus,
    credentials: () => Promise<readonly PullCredentials[]>,
  ): Promise<boolean> {
    const state = await this.#load();
    const noted = state.images[`${store}/${image.id}`];
    if (!noted) return !state.intents.includes(`${store}/${reference}`);
    if (Object.values(noted).includes('all')) return true;
    const holders = noted[repositoryOf(reference)] ?? [];
    return (await credentials()).some((own) => holders.includes(hashOf(state, own)));
  }

  /** These are all the images of a store: others are forgotten. */
  async retain(store: string, images: readonly ImageStatus[]): Promise<void> {
    const state = await this.#load();
    const kept = new Set(images.map(({ id }) => `${store}/${id}`));
    const gone = Object.keys(state.images).filter((key) => key.startsWith(`${store}/`) && !kept.has(key));
    for (const key of gone) delete state.images[key];
    if (gone.length > 0) await this.#write(state);
  }

  #load(): Promise<State> {
    this.#state ??= this.#read();
    return this.#state;
  }

  async #read(): Promise<State> {
    const empty: State = { salt: randomBytes(16).toString('hex'), images: {}, intents: [] };
    const { file, logger } = this.#deps;
    try {
      return { ...empty, ...(JSON.parse(await readFile(file, 'utf8')) as Partial<State>) };
    } catch (error) {
      const isNone = error instanceof Error && 'code' in error && error.code === 'ENOENT';
      if (!isNone)
        logger.error('rights to images are lost: those on the node are for all pods now', { file, error: errorMessage(error) });
      return empty;
    }
  }

  #write(state: State): Promise<void> {
    this.#written = this.#written.then(() => this.#replace(state));
    return this.#written;
  }

  async #replace(state: State): Promise<void> {
    const { file, logger } = this.#deps;
    try {
      await mkdir(dirname(file), { recursive: true });
      await writeFile(`${file}.new`, JSON.stringify(state), { mode: 0o600, flush: true });
      await rename(`${file}.new`, file);
    } catch (error) {
      logger.warn('rights to images not noted down', { file, error: errorMessage(error) });
    }
  }
}

/** True if something is noted that was not yet. */
function note(state: State, key: string, reference: string, { after, before, credentials }: PullOutcome): boolean {
  const noted = state.images[key];
  // It was there before any pull of ours: whoever brought it there meant it for all.
  if (!noted && before?.id === after.id) return false;
  const repository = repositoryOf(reference);
  const holders = noted?.[repository] ?? [];
  const hash = credentials && hashOf(state, credentials);
  if (holders === 'all' || (hash !== undefined && holders.includes(hash))) return false;
  state.images[key] = { ...noted, [repository]: hash === undefined ? 'all' : [...holders, hash] };
  return true;
}

function hashOf({ salt }: State, { username, password, serverAddress }: PullCredentials): string {
  return createHmac('sha256', salt)
    .update(JSON.stringify([username, password, serverAddress]))
    .digest('base64');
}

/** A reference without its tag and digest. */
function repositoryOf(reference: string): string {
  return reference.replace(/@.*$/, '').replace(/:[^/:]*$/, '');
}
