import type { KubeletOptions } from '../options.ts';
import { ManifestDirectory, type ManifestDirectoryDependencies } from './manifest-directory.ts';
import type { ManifestListener } from './manifest-set.ts';
import { ManifestUrl } from './manifest-url.ts';

/** The pods that a kubelet runs by itself: those of a directory, and those of a server. */
export class StaticPods {
  readonly #directory: ManifestDirectory | undefined;
  readonly #url: ManifestUrl | undefined;

  constructor(
    deps: ManifestDirectoryDependencies,
    {
      staticPodPath,
      staticPodUrl: url,
      staticPodUrlHeaders: headers = {},
    }: Pick<KubeletOptions, 'staticPodPath' | 'staticPodUrl' | 'staticPodUrlHeaders'>,
    listener: ManifestListener,
  ) {
    this.#directory = staticPodPath === undefined ? undefined : new ManifestDirectory(deps, staticPodPath, listener);
    this.#url = url === undefined ? undefined : new ManifestUrl(deps, { url, headers }, listener);
  }

  /** Resolves when all are known, where that is not for a server to say: then `whenSeen` does. */
  get whenSeen(): Promise<void> | undefined {
    return this.#url?.whenSeen;
  }

  /** Resolves once the pods of the directory have been told. */
  async start(): Promise<void> {
    this.#url?.start();
    await this.#directory?.start();
  }

  async stop(): Promise<void> {
    await Promise.all([this.#directory?.stop(), this.#url?.stop()]);
  }
}
