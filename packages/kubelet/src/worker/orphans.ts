import { errorMessage, TaskGroup, type Clock, type Logger } from '@keelson/base';
import type { Alarms } from '../alarms.ts';
import type { VolumeManager } from '../volumes/volume-manager.ts';
import type { Pleg } from './pleg.ts';
import type { PodKiller } from './pod-killer.ts';
import type { PodSyncer } from './pod-syncer.ts';

export interface OrphansDependencies {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly alarms: Alarms;
  readonly pleg: Pleg;
  readonly killer: PodKiller;
  readonly syncer: PodSyncer;
  readonly volumes: VolumeManager;
  /** Whether some worker takes care of the pod. */
  readonly isKnown: (uid: string) => boolean;
}

const PERIOD_MS = 10_000;
const KILL_GRACE_SECONDS = 1;

/** Removes what is left on the node of pods that the API does not know any more, once it has seen them so twice. */
export class Orphans {
  readonly #deps: OrphansDependencies;
  readonly #tasks: TaskGroup;
  #suspects = new Set<string>();

  constructor(deps: OrphansDependencies) {
    this.#deps = deps;
    this.#tasks = new TaskGroup(deps.logger);
  }

  /** To be called when the pods of the node are known. */
  start(): void {
    this.#deps.alarms.set('orphans', PERIOD_MS, () => this.#tasks.run('orphans', (signal) => this.#round(signal)));
  }

  async stop(): Promise<void> {
    await this.#tasks.stop();
  }

  async #round(signal: AbortSignal): Promise<void> {
    try {
      if (this.#deps.pleg.isUp) await this.#sweep(signal);
    } catch (error) {
      if (!signal.aborted) this.#deps.logger.warn('orphaned pods could not be removed', { error: errorMessage(error) });
    }
    if (!signal.aborted) this.start();
  }

  async #sweep(signal: AbortSignal): Promise<void> {
    const { isKnown, pleg, volumes } = this.#deps;
    const found = new Set([...[...pleg.views].map(({ uid }) => uid), ...(await volumes.known())].filter((uid) => !isKnown(uid)));
    const sure = [...found].filter((uid) => this.#suspects.has(uid));
    this.#suspects = found;
    await Promise.all(sure.map((uid) => this.#removePod(uid, signal)));
  }

  async #removePod(uid: string, signal: AbortSignal): Promise<void> {
    const { killer, logger, pleg, syncer, volumes } = this.#deps;
    const view = pleg.view(uid);
    if (view) {
      logger.info('removing a pod that the API does not know', { pod: `${view.namespace}/${view.name}`, uid });
      await killer.killPod(undefined, view, KILL_GRACE_SECONDS, signal);
      await syncer.removeFromRuntime(view, signal);
    }
    await volumes.unmount(uid);
  }
}
