import { errorMessage } from '@keelson/base';
import type { ProxyMode, SyncOptions, SyncProblem, SyncReport } from './proxy-mode.ts';
import type { ServiceMap } from './service-map.ts';

/**
 * A mode that, once it serves, removes what the other modes have left on the node: so the mode of a node is changed by starting another one.
 * Until then what they have left goes on serving.
 */
export class OnlyMode implements ProxyMode {
  readonly name: string;
  readonly #mode: ProxyMode;
  #others: readonly ProxyMode[];

  constructor(mode: ProxyMode, others: readonly ProxyMode[]) {
    this.name = mode.name;
    this.#mode = mode;
    this.#others = others;
  }

  async sync(desired: ServiceMap, options?: SyncOptions): Promise<SyncReport> {
    const report = await this.#mode.sync(desired, options);
    if (this.#others.length === 0) return report;
    return { changed: true, problems: [...report.problems, ...(await this.#removeOthers())] };
  }

  close(): Promise<void> {
    return this.#mode.close();
  }

  cleanup(): Promise<void> {
    return this.#mode.cleanup();
  }

  /** Those that could not be removed are tried again at the next sync. */
  async #removeOthers(): Promise<readonly SyncProblem[]> {
    const left: ProxyMode[] = [];
    const problems: SyncProblem[] = [];
    for (const other of this.#others) {
      try {
        await other.cleanup();
      } catch (error) {
        left.push(other);
        problems.push({ message: `What the ${other.name} mode has left is still there: ${errorMessage(error)}` });
      }
    }
    this.#others = left;
    return problems;
  }
}
