import { errorMessage, KeelsonError, TaskGroup } from '@keelson/base';
import { deepFreeze, formatTime } from '@keelson/api';
import type { Pod } from '@keelson/api/core/v1';
import { within } from '../within.ts';
import type { ManifestDirectoryDependencies } from './manifest-directory.ts';
import { ManifestSet, type ManifestListener } from './manifest-set.ts';
import { staticPods } from './static-pod.ts';

export interface ManifestUrlOptions {
  readonly url: string;
  /** Sent along, each as often as it has values. */
  readonly headers?: Readonly<Record<string, readonly string[]>>;
}

/** Read anew so often. */
const PERIOD_MS = 20_000;
const ANSWER_MS = 10_000;
const MAX_BYTES = 10 * 1024 * 1024;

/**
 * The pods of a manifest on a server: a Pod, a PodList, or nothing at all. Asked for every 20 s. While it cannot be had, what it held before goes on;
 * that is told once.
 */
export class ManifestUrl {
  readonly #deps: ManifestDirectoryDependencies;
  readonly #options: ManifestUrlOptions;
  readonly #pods: ManifestSet;
  readonly #tasks: TaskGroup;
  readonly #seen = Promise.withResolvers<void>();
  #text: string | undefined;
  #told: string | undefined;
  #isAsking = false;
  #timer: Disposable | undefined;

  constructor(deps: ManifestDirectoryDependencies, options: ManifestUrlOptions, listener: ManifestListener) {
    this.#deps = deps;
    this.#options = options;
    this.#pods = new ManifestSet(listener);
    this.#tasks = new TaskGroup(deps.logger);
  }

  /** Resolves when it was had for the first time: until then nobody knows which pods are not its own. */
  get whenSeen(): Promise<void> {
    return this.#seen.promise;
  }

  start(): void {
    this.#timer = this.#deps.clock.every(PERIOD_MS, () => this.#askSoon());
    this.#askSoon();
  }

  async stop(): Promise<void> {
    this.#timer?.[Symbol.dispose]();
    await this.#tasks.stop();
  }

  #askSoon(): void {
    if (this.#isAsking) return;
    this.#isAsking = true;
    this.#tasks.run('ask for static pods', (signal) => this.#ask(signal).finally(() => (this.#isAsking = false)));
  }

  async #ask(signal: AbortSignal): Promise<void> {
    try {
      const text = await within({ clock: this.#deps.clock, ms: ANSWER_MS, signal }, (limited) => this.#fetch(limited));
      if (text !== this.#text) this.#replace(text);
      this.#text = text;
      this.#told = undefined;
      this.#seen.resolve();
    } catch (error) {
      if (!signal.aborted) this.#tell(errorMessage(error));
    }
  }

  async #fetch(signal: AbortSignal): Promise<string> {
    const headers = Object.entries(this.#options.headers ?? {}).flatMap(([name, values]) =>
      values.map((value): [string, string] => [name, value]),
    );
    const response = await fetch(this.#options.url, { headers, signal });
    if (!response.ok) {
      await response.body?.cancel();
      throw new KeelsonError('ServiceUnavailable', `the server answered with ${response.status} ${response.statusText}`);
    }
    const chunks: Uint8Array[] = [];
    let bytes = 0;
    for await (const chunk of response.body ?? []) {
      bytes += chunk.length;
      if (bytes > MAX_BYTES) throw new KeelsonError('RequestEntityTooLarge', `the manifest is larger than ${MAX_BYTES} bytes`);
      chunks.push(chunk);
    }
    return Buffer.concat(chunks).toString();
  }

  /** Throws for what is no document at all. */
  #replace(text: string): void {
    const { nodeName, clock, logger } = this.#deps;
    const { url } = this.#options;
    const found = new Map<string, Pod>();
    if (text.trim() !== '') {
      const { pods, failures } = staticPods(text, { nodeName, from: 'http', path: url, seen: formatTime(clock.now()) });
      for (const pod of pods) found.set(`${pod.metadata?.namespace}/${pod.metadata?.name}`, this.#unlessKnown(deepFreeze(pod)));
      for (const error of failures) logger.error('manifest holds no static pod', { url, error });
    }
    this.#pods.replace(found);
  }

  /** One that is still the same keeps the time at which it was seen first. */
  #unlessKnown(pod: Pod): Pod {
    const known = this.#pods.get(`${pod.metadata?.namespace}/${pod.metadata?.name}`);
    return known?.metadata?.uid === pod.metadata?.uid && known ? known : pod;
  }

  #tell(error: string): void {
    const { logger } = this.#deps;
    if (this.#told !== error) logger.warn('static pods could not be had', { url: this.#options.url, error });
    this.#told = error;
  }
}
