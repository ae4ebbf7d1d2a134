import { watch, type FSWatcher } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { errorMessage, TaskGroup, type Clock, type Logger } from '@keelson/base';
import { deepFreeze, formatTime } from '@keelson/api';
import type { Pod } from '@keelson/api/core/v1';
import { Rounds } from '../worker/rounds.ts';
import { ManifestSet, type ManifestListener } from './manifest-set.ts';
import { staticPod } from './static-pod.ts';

export interface ManifestDirectoryDependencies {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly nodeName: string;
}

/** Read anew so often, in case a change was not told. */
const PERIOD_MS = 20_000;

/**
 * The pods of a directory, one a file, YAML or JSON. Looked at when something in it changes and every 20 s. A file that holds no pod is told of,
 * and left alone: what it held before goes on. Names with a dot at the front are none of ours.
 */
export class ManifestDirectory {
  readonly #deps: ManifestDirectoryDependencies;
  readonly #path: string;
  /** By file. */
  readonly #pods: ManifestSet;
  readonly #tasks: TaskGroup;
  readonly #rounds = new Rounds(() => this.#read());
  readonly #told = new Map<string, string>();
  #timer: Disposable | undefined;
  #watcher: FSWatcher | undefined;

  constructor(deps: ManifestDirectoryDependencies, path: string, listener: ManifestListener) {
    this.#deps = deps;
    this.#path = path;
    this.#pods = new ManifestSet(listener);
    this.#tasks = new TaskGroup(deps.logger);
  }

  /** Resolves once its pods have been told. A directory that is not there has none, until it is. */
  async start(): Promise<void> {
    this.#timer = this.#deps.clock.every(PERIOD_MS, () => this.#readSoon());
    await this.#rounds.next('');
  }

  async stop(): Promise<void> {
    this.#timer?.[Symbol.dispose]();
    this.#watcher?.close();
    await this.#tasks.stop();
  }

  #readSoon(): void {
    if (!this.#rounds.isWaiting('')) this.#tasks.run('read static pods', () => this.#rounds.next(''));
  }

  #watch(): void {
    if (this.#watcher || this.#tasks.signal.aborted) return;
    try {
      this.#watcher = watch(this.#path, { persistent: false }, () => this.#readSoon());
      this.#watcher.on('error', () => this.#unwatch());
    } catch {
      // Looking every now and then has to do.
    }
  }

  #unwatch(): void {
    this.#watcher?.close();
    this.#watcher = undefined;
  }

  async #read(): Promise<void> {
    try {
      const names = (await readdir(this.#path)).filter((name) => !name.startsWith('.')).sort();
      this.#watch();
      const pods = new Map<string, Pod>();
      for (const name of names) {
        const pod = await this.#podOf(name);
        if (pod) pods.set(name, pod);
      }
      this.#pods.replace(pods);
    } catch (error) {
      this.#unwatch();
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return this.#pods.replace(new Map());
      this.#deps.logger.warn('static pods could not be read', { path: this.#path, error: errorMessage(error) });
    }
  }

  async #podOf(name: string): Promise<Pod | undefined> {
    const path = join(this.#path, name);
    try {
      const info = await stat(path);
      if (!info.isFile()) return undefined;
      const seen = formatTime(Math.floor(info.mtimeMs));
      const pod = staticPod(await readFile(path, 'utf8'), { nodeName: this.#deps.nodeName, from: 'file', path, seen });
      this.#told.delete(name);
      return deepFreeze(pod);
    } catch (error) {
      const why = errorMessage(error);
      if (this.#told.get(name) !== why) this.#deps.logger.error('manifest holds no static pod', { path, error: why });
      this.#told.set(name, why);
      return this.#pods.get(name);
    }
  }
}
