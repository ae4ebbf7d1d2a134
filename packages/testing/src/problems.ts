import type { KubernetesObject } from '@keelson/api';
import { errorMessage, type Clock } from '@keelson/base';
import { keyText, type ControllerDefinition } from '@keelson/controller-runtime';
import { config } from 'rxjs';

/** So many reconciliations of one object in so short a time are a loop that feeds itself. */
export interface HotLoopLimit {
  readonly reconciliations: number;
  readonly withinMs: number;
}

export const HOT_LOOP: HotLoopLimit = { reconciliations: 100, withinMs: 5_000 };

/**
 * What went wrong unseen while a cluster ran: controllers that never come to rest, errors of streams that nobody handles, and rights that a
 * part of the cluster lacks.
 */
export class Problems implements Disposable {
  readonly #clock: Clock;
  readonly #limit: HotLoopLimit | undefined;
  readonly #found = new Map<string, string>();
  readonly #before = config.onUnhandledError;

  constructor(clock: Clock, limit: HotLoopLimit | undefined) {
    this.#clock = clock;
    this.#limit = limit;
    config.onUnhandledError = (error) => {
      this.#note('stream', `a stream failed, and nobody handles that: ${errorMessage(error)}`);
    };
  }

  get list(): readonly string[] {
    return [...this.#found.values()];
  }

  /** One that is not seen from here. */
  report(text: string): void {
    this.#note(text, text);
  }

  /** The definition, watched for loops. */
  watch<T extends KubernetesObject>(definition: ControllerDefinition<T>): ControllerDefinition<T> {
    const limit = this.#limit;
    if (!limit) return definition;
    const name = definition.name ?? definition.for.resource;
    const runs = new Map<string, number[]>();
    return {
      ...definition,
      reconcile: (object, context) => {
        const key = keyText(context.key);
        const times = runs.get(key) ?? [];
        runs.set(key, times);
        times.push(this.#clock.monotonic());
        if (times.length > limit.reconciliations) {
          const tookMs = (times.at(-1) ?? 0) - (times.shift() ?? 0);
          const text = `controller "${name}" reconciled "${key}" ${limit.reconciliations} times within ${Math.round(tookMs)} ms: does it change what brings it back?`;
          if (tookMs <= limit.withinMs) this.#note(`${name} ${key}`, text);
        }
        return definition.reconcile(object, context);
      },
    };
  }

  [Symbol.dispose](): void {
    config.onUnhandledError = this.#before;
  }

  /** One of a kind is enough. */
  #note(kind: string, text: string): void {
    if (!this.#found.has(kind)) this.#found.set(kind, text);
  }
}
