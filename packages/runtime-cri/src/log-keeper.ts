import { errorMessage, TaskGroup, type Clock, type Logger } from '@keelson/base';
import type { LogLimits } from '@keelson/runtime';
import { REOPEN_CONTAINER_LOG } from './api/methods.ts';
import type { Containers } from './containers.ts';
import type { CriClient } from './cri-client.ts';
import { rotateLog, type LogKeeping } from './log-rotation.ts';

export interface LogKeeperDependencies {
  readonly client: CriClient;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly containers: Containers;
}

const PERIOD_MS = 10_000;

/** Looks at the logs of running containers from time to time, and puts those aside that have grown too long. */
export class LogKeeper {
  readonly #deps: LogKeeperDependencies;
  #limits: LogKeeping;
  readonly #tasks: TaskGroup;
  #timer: Disposable | undefined;

  constructor(deps: LogKeeperDependencies, limits: LogKeeping) {
    this.#deps = deps;
    this.#limits = limits;
    this.#tasks = new TaskGroup(deps.logger);
  }

  /** From the next look on, also for containers that run already. */
  limit(limits: LogLimits): void {
    this.#limits = { ...this.#limits, ...limits };
  }

  start(): void {
    const { periodMs = PERIOD_MS } = this.#limits;
    this.#timer ??= this.#deps.clock.after(periodMs, () => this.#tasks.run('rotate logs', (signal) => this.#round(signal)));
  }

  async stop(): Promise<void> {
    this.#timer?.[Symbol.dispose]();
    await this.#tasks.stop();
    this.#timer?.[Symbol.dispose]();
  }

  async #round(signal: AbortSignal): Promise<void> {
    const { client, containers, logger } = this.#deps;
    try {
      for (const { logPath, status } of await containers.all(signal)) {
        if (status.state !== 'running' || logPath === '') continue;
        const reopen = async () => {
          await client.call(REOPEN_CONTAINER_LOG, { id: status.id }, { signal, isRepeatable: true });
        };
        await rotateLog(logPath, this.#limits, reopen);
      }
    } catch (error) {
      if (!signal.aborted) logger.warn('logs of containers could not be rotated', { error: errorMessage(error) });
    }
    this.#timer = undefined;
    if (!signal.aborted) this.start();
  }
}
