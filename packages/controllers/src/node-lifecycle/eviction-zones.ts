import type { Node } from '@keelson/api/core/v1';
import type { Clock, Logger } from '@keelson/base';
import type { NodeLifecycleOptions } from './node-options.ts';
import { evictionRate, zoneOf, zoneState, type ZoneCount, type ZoneState } from './zone-state.ts';
import { ZoneTainter } from './zone-tainter.ts';

interface Dependencies {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly options: Required<NodeLifecycleOptions>;
  readonly taint: (name: string) => Promise<void>;
}

interface Zone {
  readonly tainter: ZoneTainter;
  /** None until it has been judged once. */
  state: ZoneState | undefined;
}

/** What the state of the zones means for all nodes at once. */
export type Turn =
  | 'none'
  /** Nothing is seen to be alive: more likely we are cut off. No node is to lose its pods. */
  | 'all went down'
  /** Something is alive again: all nodes get the time to report. */
  | 'some came back';

/** Limits how fast nodes are tainted, by zone and by how much of the zone is down. */
export class EvictionZones {
  readonly #dependencies: Dependencies;
  readonly #zones = new Map<string, Zone>();

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies;
  }

  /** The node is to be tainted when it is its zone's turn. */
  enqueue(node: Node, name: string): void {
    this.#zone(zoneOf(node)).tainter.add(name);
  }

  dequeue(name: string): void {
    for (const { tainter } of this.#zones.values()) tainter.remove(name);
  }

  /** Sets the rates by what is ready in each zone now. */
  judge(counts: ReadonlyMap<string, ZoneCount>): Turn {
    const { options } = this.#dependencies;
    const states = new Map(Array.from(counts, ([name, count]) => [name, zoneState(count, options)]));
    for (const name of states.keys()) this.#zone(name);
    const isDown = states.size > 0 && [...states.values()].every((state) => state === 'FullDisruption');
    const wasDown = this.#zones.size > 0 && [...this.#zones.values()].every(({ state }) => state === 'FullDisruption');
    if (isDown && wasDown) return 'none';
    for (const [name, zone] of this.#zones) {
      const count = counts.get(name);
      zone.state = isDown ? 'FullDisruption' : (states.get(name) ?? 'Normal');
      const size = count ? count.ready + count.notReady : 0;
      zone.tainter.setRate(isDown ? 0 : evictionRate(zone.state, size, options));
    }
    if (isDown) return 'all went down';
    return wasDown ? 'some came back' : 'none';
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#zones.values()].map(({ tainter }) => tainter.stop()));
  }

  #zone(name: string): Zone {
    const known = this.#zones.get(name);
    if (known) return known;
    const { options, ...dependencies } = this.#dependencies;
    const zone: Zone = { tainter: new ZoneTainter(dependencies, options.evictionRate), state: undefined };
    this.#zones.set(name, zone);
    return zone;
  }
}
