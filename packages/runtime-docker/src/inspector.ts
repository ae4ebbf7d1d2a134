import { isReason } from '@keelson/base';
import type { PodFilter } from '@keelson/runtime';
import { filters, type EngineClient } from './engine/engine-client.ts';
import type { FollowedEvent } from './engine-events.ts';
import type { ContainerInspect, ContainerSummary } from './engine/engine-types.ts';
import { KIND_LABEL, POD_LABEL } from './record.ts';

/** Enough at a time for the engine to be busy, and not so many that others wait behind them. */
const AT_ONCE = 8;

/** Events after which a container is not what it was. */
const CHANGES = new Set(['start', 'die', 'oom', 'destroy', 'update', 'pause', 'unpause', 'rename', 'restart']);

/**
 * Everything the engine knows of our containers. A list of it is cheap: what has not changed since it was last looked at, by the engine's
 * events, is not asked for again. The engine lists a container that has just ended as running for a moment, so the list says only which
 * there are, never how they are.
 */
export class Inspector {
  readonly #engine: EngineClient;
  readonly #owned: string;
  readonly #known = new Map<string, ContainerInspect>();
  /** Counts events about a container, so that an answer that was overtaken by one is not kept. */
  #changes = 0;
  #isFollowed = false;

  /** `owned`: the label, with its value, that all of them have. */
  constructor(engine: EngineClient, owned: string) {
    this.#engine = engine;
    this.#owned = owned;
  }

  onEvent(event: FollowedEvent): void {
    this.#changes += 1;
    if (event === 'connected' || event === 'lost') {
      this.#isFollowed = event === 'connected';
      this.#known.clear();
    } else if (CHANGES.has(event.Action)) this.#known.delete(event.Actor.ID);
  }

  forget(id: string): void {
    this.#changes += 1;
    this.#known.delete(id);
  }

  async all(kind: 'sandbox' | 'container', signal?: AbortSignal, only?: PodFilter): Promise<readonly ContainerInspect[]> {
    return this.withLabels([`${KIND_LABEL}=${kind}`, ...(only ? [`${POD_LABEL}=${only.podUid}`] : [])], signal);
  }

  /** Of all containers, running or not. */
  async withLabels(labels: readonly string[], signal?: AbortSignal): Promise<readonly ContainerInspect[]> {
    const query = { all: 1, filters: filters({ label: [this.#owned, ...labels] }) };
    const list = await this.#engine.json<readonly ContainerSummary[]>({ method: 'GET', path: '/containers/json', query, signal });
    const found: ContainerInspect[] = [];
    for (let from = 0; from < list.length; from += AT_ONCE) {
      const some = list.slice(from, from + AT_ONCE).map((summary) => this.#look(summary, signal));
      for (const inspect of await Promise.all(some)) if (inspect) found.push(inspect);
    }
    return found;
  }

  /** Fresh from the engine. Rejects with `NotFound`. */
  async one(idOrName: string, signal?: AbortSignal): Promise<ContainerInspect> {
    const changes = this.#changes;
    const inspect = await this.#engine.json<ContainerInspect>({ method: 'GET', path: `/containers/${idOrName}/json`, signal });
    if (this.#isFollowed && changes === this.#changes) this.#known.set(inspect.Id, inspect);
    return inspect;
  }

  async find(idOrName: string, signal?: AbortSignal): Promise<ContainerInspect | undefined> {
    try {
      return await this.one(idOrName, signal);
    } catch (error) {
      if (isReason(error, 'NotFound')) return undefined;
      throw error;
    }
  }

  async #look({ Id, State }: ContainerSummary, signal: AbortSignal | undefined): Promise<ContainerInspect | undefined> {
    const known = this.#known.get(Id);
    return known && known.State.Status === State ? known : this.find(Id, signal);
  }
}
