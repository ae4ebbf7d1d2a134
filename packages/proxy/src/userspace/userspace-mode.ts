import type { Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import { isReason, type Clock } from '@keelson/base';
import { blockListOf, familyOf } from '../addresses.ts';
import { runCommand, type CommandRunner } from '../command-runner.ts';
import type { ProxyMode, SyncOptions, SyncProblem, SyncReport } from '../proxy-mode.ts';
import type { IpFamily, ServiceMap } from '../service-map.ts';
import { ClusterAddresses } from './cluster-addresses.ts';
import { frontEndsOf, type FrontEnd } from './front-ends.ts';
import { Listeners } from './listeners.ts';
import { reset } from './tcp-relay.ts';

export interface UserspaceModeDependencies {
  readonly clock: Clock;
  /** Default: children of this process. */
  readonly run?: CommandRunner;
  /** The addresses of the node. Default: those of all its interfaces. */
  readonly nodeAddresses?: () => readonly string[];
}

export interface UserspaceModeOptions {
  /** Default IPv4. */
  readonly family?: IpFamily;
  /** Node ports are served on the node's addresses in these ranges (CIDRs). Default: all addresses. */
  readonly nodePortAddresses?: readonly string[];
  /** Marks the addresses that are put on the loopback interface: `lo:` and at most 12 letters. Two proxies on a node need two. */
  readonly addressLabel?: string;
  /** A UDP flow without a packet for that long ends. Default 60,000. */
  readonly udpIdleMs?: number;
  /** UDP flows for each address and port of a service. Default 4,096. */
  readonly mostUdpFlows?: number;
}

/**
 * Serves Services by sockets of this process: it listens on their addresses and passes TCP and UDP on to the endpoints, in turn. Cluster
 * IPs are put on the loopback interface, which takes CAP_NET_ADMIN unless they are local already; node ports need no right at all.
 * Endpoints see the node's address as that of the client.
 */
export class UserspaceMode implements ProxyMode {
  readonly name = 'userspace';
  readonly #options: UserspaceModeOptions;
  readonly #nodeAddresses: () => readonly string[];
  readonly #clusterAddresses: ClusterAddresses;
  readonly #listeners: Listeners;
  /** All that is open for a connection, by either end. */
  readonly #sockets = new Set<Socket>();
  #last: { readonly desired: ServiceMap; readonly problems: readonly SyncProblem[] } | undefined;

  constructor(deps: UserspaceModeDependencies, options: UserspaceModeOptions = {}) {
    const { udpIdleMs = 60_000, mostUdpFlows = 4_096, addressLabel = 'lo:keelson' } = options;
    this.#options = options;
    this.#nodeAddresses = deps.nodeAddresses ?? interfaceAddresses;
    this.#clusterAddresses = new ClusterAddresses(deps.run ?? runCommand, addressLabel, options.family ?? 'IPv4');
    this.#listeners = new Listeners({ clock: deps.clock, sockets: this.#sockets, idleMs: udpIdleMs, mostFlows: mostUdpFlows });
  }

  async sync(desired: ServiceMap, { full = false }: SyncOptions = {}): Promise<SyncReport> {
    const last = this.#last;
    if (!full && last?.desired === desired && last.problems.length === 0) return { changed: false, problems: [] };
    this.#last = undefined;
    await this.#clusterAddresses.look(full);
    const { frontEnds, clusterIPs } = this.#plan(desired);
    let changed = await this.#listeners.closeOthers(new Set(frontEnds.map((one) => one.id)));
    changed = (await this.#useAddresses(clusterIPs)) || changed;
    const reachable = frontEnds.filter((one) => !this.#clusterAddresses.missing.has(one.address));
    const opened = await this.#listeners.open(desired, reachable);
    const problems = [...unservedProtocols(desired), ...this.#clusterAddresses.problems(), ...opened.problems];
    this.#last = { desired, problems };
    return { changed: changed || opened.changed, problems };
  }

  /** Ends all connections. Cluster IPs stay on the loopback interface: without a listener they refuse, as they should. */
  async close(): Promise<void> {
    this.#last = undefined;
    await this.#listeners.close();
    await endAll(this.#sockets);
  }

  async cleanup(): Promise<void> {
    await this.close();
    try {
      await this.#clusterAddresses.removeAll();
    } catch (error) {
      // Without the program that adds addresses there is none that we have added.
      if (!isReason(error, 'NotFound')) throw error;
    }
  }

  #plan(desired: ServiceMap): { frontEnds: FrontEnd[]; clusterIPs: Set<string> } {
    const family = this.#options.family === 'IPv6' ? 'ipv6' : 'ipv4';
    const own = this.#clusterAddresses.present;
    const node = this.#nodeAddresses().filter((address) => familyOf(address) === family && !own.has(address));
    const ranges = this.#options.nodePortAddresses && blockListOf(this.#options.nodePortAddresses);
    const clusterIPs = [...desired.values()].flatMap((service) => service.clusterIPs);
    const nodeAddresses = new Set(node);
    return {
      frontEnds: frontEndsOf(desired, {
        nodeAddresses,
        nodePortAddresses: ranges ? node.filter((address) => ranges.check(address, family)) : node,
      }),
      clusterIPs: new Set(clusterIPs.filter((address) => !nodeAddresses.has(address) && !isLocalAnyway(address))),
    };
  }

  async #useAddresses(wanted: ReadonlySet<string>): Promise<boolean> {
    const gone = new Set(this.#clusterAddresses.present).difference(wanted);
    // Once the address is away their packets have nowhere to go: better the client hears of it.
    const cut = [...this.#sockets].filter((socket) => socket.localAddress !== undefined && gone.has(socket.localAddress));
    for (const socket of cut) reset(socket);
    return this.#clusterAddresses.use(wanted);
  }
}

/** All of `127.0.0.0/8` is there without being added, and `::1`. */
function isLocalAnyway(address: string): boolean {
  return address.startsWith('127.') || address === '::1';
}

function unservedProtocols(desired: ServiceMap): SyncProblem[] {
  return [...desired.values()]
    .filter((service) => service.protocol === 'SCTP')
    .map(({ key }) => ({ service: key, message: 'SCTP is not served by the userspace proxy', lasting: true }));
}

function interfaceAddresses(): readonly string[] {
  return Object.values(networkInterfaces())
    .flatMap((entries) => entries ?? [])
    .map((entry) => entry.address)
    .filter((address) => !address.startsWith('fe80:'));
}

async function endAll(sockets: ReadonlySet<Socket>): Promise<void> {
  const closed = [...sockets].map(
    (socket) => new Promise<void>((resolve) => (socket.closed ? resolve() : socket.once('close', () => resolve()))),
  );
  for (const socket of sockets) reset(socket);
  await Promise.all(closed);
}
