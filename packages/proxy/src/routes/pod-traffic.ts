import { createHash } from 'node:crypto';
import { familyOf } from '../addresses.ts';
import type { CommandRunner } from '../command-runner.ts';
import { findIptables, findUsedIptables } from '../iptables/iptables-tool.ts';
import type { IpFamily } from '../service-map.ts';

export interface PodTrafficOptions {
  /** Tells the rules of nodes apart that share a machine. */
  readonly id: string;
  /** Where all pods of the cluster are: what they send there keeps its source address. */
  readonly clusterCidrs: readonly string[];
}

const MULTICAST = { IPv4: '224.0.0.0/4', IPv6: 'ff00::/8' } as const;

/**
 * Packet rules for the node's own pods: what they send out of the cluster gets the node's address, and forwarding to and from them is allowed
 * where the machine forbids it in general. The rules are last in their chains, so whoever wants to forbid something comes before them.
 */
export class PodTraffic {
  readonly #run: CommandRunner;
  readonly #options: PodTrafficOptions;
  readonly #suffix: string;

  constructor(run: CommandRunner, options: PodTrafficOptions) {
    this.#run = run;
    this.#options = options;
    this.#suffix = createHash('sha256').update(options.id).digest('hex').slice(0, 8).toUpperCase();
  }

  async sync(ownCidrs: readonly string[]): Promise<void> {
    for (const family of ['IPv4', 'IPv6'] as const) {
      const own = ofFamily(ownCidrs, family);
      if (own.length > 0) await this.#sync(family, own);
    }
  }

  /** Removes the rules. */
  async cleanup(): Promise<void> {
    for (const family of ['IPv4', 'IPv6'] as const) {
      for (const { program } of await findUsedIptables(this.#run, family)) await this.#clear(program);
    }
  }

  async #clear(program: string): Promise<void> {
    for (const [table, hook, chain] of this.#hooks()) {
      const clear = [`-t ${table} -D ${hook} -j ${chain}`, `-t ${table} -F ${chain}`, `-t ${table} -X ${chain}`];
      // Each fails where there is nothing to remove.
      for (const args of clear) await this.#run({ file: program, args: ['-w', '5', ...args.split(' ')] }).catch(() => undefined);
    }
  }

  #hooks() {
    return [
      ['nat', 'POSTROUTING', `KEELSON-MASQ-${this.#suffix}`],
      ['filter', 'FORWARD', `KEELSON-PODS-${this.#suffix}`],
    ] as const;
  }

  async #sync(family: IpFamily, own: readonly string[]): Promise<void> {
    const tool = await findIptables(this.#run, family);
    const [[, , masquerade], [, , forward]] = this.#hooks();
    const inside = [...ofFamily(this.#options.clusterCidrs, family), MULTICAST[family]];
    // A chain that is declared is emptied; each table changes at once.
    await tool.restore(
      [
        '*nat',
        `:${masquerade} - [0:0]`,
        ...inside.map((range) => `-A ${masquerade} -d ${range} -j RETURN`),
        ...own.map((range) => `-A ${masquerade} -s ${range} -j MASQUERADE`),
        'COMMIT',
        '*filter',
        `:${forward} - [0:0]`,
        ...own.flatMap((range) => [`-A ${forward} -s ${range} -j ACCEPT`, `-A ${forward} -d ${range} -j ACCEPT`]),
        'COMMIT',
        '',
      ].join('\n'),
    );
    for (const [table, hook, chain] of this.#hooks()) {
      const rule = ['-t', table, '-C', hook, '-j', chain];
      const { code } = await this.#run({ file: tool.program, args: ['-w', '5', ...rule] });
      if (code !== 0) await tool.restore(`*${table}\n-A ${hook} -j ${chain}\nCOMMIT\n`);
    }
  }
}

function ofFamily(ranges: readonly string[], family: IpFamily): readonly string[] {
  return ranges.filter((range) => familyOf(range.split('/')[0] ?? '') === (family === 'IPv4' ? 'ipv4' : 'ipv6'));
}
