import { errorMessage, type Logger, type TaskGroup } from '@keelson/base';
import type { Node } from '@keelson/api/core/v1';
import type { ContainerRuntime } from '@keelson/runtime';
import type { Pleg } from '../worker/pleg.ts';

export interface PodCidrsDependencies {
  readonly runtime: ContainerRuntime;
  readonly pleg: Pleg;
  readonly logger: Logger;
  /** Called when the runtime knows. */
  readonly told: () => void;
}

/** The ranges of the kubelet's option: one, or one of each family with a comma between. */
export function podCidrsIn(podCidr: string | undefined): readonly string[] {
  return podCidr === undefined ? [] : podCidr.split(',');
}

/** Tells the runtime out of which ranges the node's pods get their addresses: what the API says, until then what the node was started with. */
export class PodCidrs {
  readonly #deps: PodCidrsDependencies;
  readonly #tasks: TaskGroup;
  #wanted: readonly string[];
  #told = '';

  constructor(deps: PodCidrsDependencies, tasks: TaskGroup, initial: string | undefined) {
    this.#deps = deps;
    this.#tasks = tasks;
    this.#wanted = podCidrsIn(initial);
  }

  /** To be called when the node may have changed, and from time to time, since the runtime may be away. */
  tell(node?: Node): void {
    const { podCIDR, podCIDRs = podCIDR === undefined ? [] : [podCIDR] } = node?.spec ?? {};
    if (podCIDRs.length > 0) this.#wanted = podCIDRs;
    if (this.#wanted.length === 0 || this.#told === String(this.#wanted)) return;
    this.#tasks.run('tell the runtime of pod CIDRs', (signal) => this.#tell(this.#wanted, signal));
  }

  async #tell(podCidrs: readonly string[], signal: AbortSignal): Promise<void> {
    const { logger, pleg, runtime, told } = this.#deps;
    try {
      await runtime.setPodCidrs(podCidrs, signal);
      this.#told = String(podCidrs);
      await pleg.refresh();
      told();
    } catch (error) {
      if (!signal.aborted) logger.warn('the runtime could not be told of pod CIDRs', { podCidrs, error: errorMessage(error) });
    }
  }
}
