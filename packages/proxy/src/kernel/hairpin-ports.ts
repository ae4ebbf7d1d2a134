import { errorMessage } from '@keelson/base';
import { blockListOf, familyOf } from '../addresses.ts';
import { runOrThrow, type CommandRunner } from '../command-runner.ts';
import type { SyncProblem } from '../proxy-mode.ts';
import type { IpFamily } from '../service-map.ts';

interface Bridge {
  readonly ifname: string;
  readonly addr_info?: readonly { readonly local?: string; readonly prefixlen?: number }[];
}

interface BridgePort {
  readonly ifname?: string;
  readonly master?: string;
  readonly hairpin?: boolean;
}

/**
 * A bridge does not send a packet back through the port that it came from, unless that port is told to. A pod that gets to itself through a
 * Service needs that, as its packets are turned round within the bridge.
 */
export class HairpinPorts {
  readonly #run: CommandRunner;
  readonly #family: IpFamily;
  readonly #done = new Set<string>();

  constructor(run: CommandRunner, family: IpFamily) {
    this.#run = run;
    this.#family = family;
  }

  /**
   * Tells the ports of all bridges that lead to an endpoint, if one of the addresses is new. `again` says that these are all there are, and to
   * look at every bridge. Never rejects.
   */
  async turnOn(addresses: Iterable<string>, again: boolean): Promise<readonly SyncProblem[]> {
    if (again) this.#done.clear();
    const fresh = new Set([...addresses].filter((address) => !this.#done.has(address)));
    if (fresh.size === 0) return [];
    try {
      await this.#turnOn(fresh);
      for (const address of fresh) this.#done.add(address);
      return [];
    } catch (error) {
      return [{ message: `Pods may not reach themselves by Services: ${errorMessage(error)}`, lasting: true }];
    }
  }

  async #turnOn(addresses: ReadonlySet<string>): Promise<void> {
    const bridges = await this.#bridgesOf(addresses);
    if (bridges.size === 0) return;
    const ports = parse<BridgePort>(await runOrThrow(this.#run, { file: 'bridge', args: ['-j', '-d', 'link', 'show'] }));
    const off = ports.filter((port) => bridges.has(port.master ?? '') && port.hairpin === false && port.ifname !== undefined);
    if (off.length === 0) return;
    const input = off.map((port) => `link set dev ${port.ifname} type bridge_slave hairpin on\n`).join('');
    // One that went away in the meantime is no failure of the others, nor of ours.
    await this.#run({ file: 'ip', args: ['-force', '-batch', '-'], input });
  }

  /** The names of the bridges in whose subnets one of the addresses is. */
  async #bridgesOf(addresses: ReadonlySet<string>): Promise<ReadonlySet<string>> {
    const option = this.#family === 'IPv6' ? '-6' : '-4';
    const bridges = parse<Bridge>(
      await runOrThrow(this.#run, { file: 'ip', args: ['-j', option, 'addr', 'show', 'type', 'bridge'] }),
    );
    return new Set(bridges.filter((bridge) => holds(bridge, addresses)).map((bridge) => bridge.ifname));
  }
}

function holds({ addr_info: networks = [] }: Bridge, addresses: ReadonlySet<string>): boolean {
  const list = blockListOf(networks.map(({ local, prefixlen }) => `${local}/${prefixlen}`));
  return [...addresses].some((address) => list.check(address, familyOf(address)));
}

/** What `ip -j` prints: an array, or nothing at all. */
function parse<T>(text: string): readonly T[] {
  return text.trim() === '' ? [] : (JSON.parse(text) as readonly T[]);
}
