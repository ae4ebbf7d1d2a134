import { nameOf } from '@keelson/api';
import { Pod } from '@keelson/api/core/v1';
import { KeelsonError } from '@keelson/base';
import type { WorkloadWorld } from './workload-world.ts';

/** What may happen to any controller of pods. */
export const TROUBLES = ['delete', 'end', 'fail', 'hold', 'release', 'restart', 'refuse', 'wait'] as const;
export type Trouble = (typeof TROUBLES)[number];

/** Pods go and fail, writes are refused, and caches lag: of these `resources`. */
export class Troubles {
  readonly #world: WorkloadWorld;
  readonly #random: () => number;
  readonly #resources: readonly string[];

  constructor(world: WorkloadWorld, random: () => number, ...resources: readonly string[]) {
    this.#world = world;
    this.#random = random;
    this.#resources = resources;
  }

  pick<T>(choices: readonly T[]): T | undefined {
    return choices[Math.floor(this.#random() * choices.length)];
  }

  async make(trouble: Trouble): Promise<void> {
    const world = this.#world;
    const pod = this.pick(await world.pods());
    switch (trouble) {
      case 'delete':
        if (pod) await world.client.resource(Pod).delete({ name: nameOf(pod), namespace: 'default' });
        break;
      case 'end':
        await world.end();
        break;
      case 'fail':
        if (pod) await world.setStatus(pod, { phase: 'Failed' });
        break;
      case 'hold':
        world.transport.hold(this.pick(this.#resources) ?? '');
        break;
      case 'restart':
        world.transport.release();
        await world.restart();
        break;
      case 'refuse':
        world.world.failure = ({ method, path }) => {
          if (method === 'GET' || path.endsWith('/events') || this.#random() > 0.3) return undefined;
          return new KeelsonError(this.#random() < 0.5 ? 'Conflict' : 'InternalError', 'bad luck');
        };
        break;
      case 'release':
        this.over();
        break;
      case 'wait':
        await world.clock.advance(Math.floor(this.#random() * 60_000));
        break;
    }
  }

  /** What was held back arrives, and nothing is refused any more. */
  over(): void {
    this.#world.transport.release();
    this.#world.world.failure = () => undefined;
  }
}
