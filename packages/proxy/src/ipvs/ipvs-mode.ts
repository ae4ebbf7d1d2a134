import { errorMessage, isReason } from '@keelson/base';
import { blockListOf, familyOf } from '../addresses.ts';
import { runCommand, runOrThrow, type CommandRunner } from '../command-runner.ts';
import { HairpinPorts } from '../kernel/hairpin-ports.ts';
import { NodeSettings, type Setting } from '../kernel/node-settings.ts';
import { StaleFlows } from '../kernel/stale-flows.ts';
import { isUsable, unusable } from '../kernel/usable.ts';
import { Claims, type Element, type ElementChanges } from '../nftables/claims.ts';
import { NftTool } from '../nftables/nft-tool.ts';
import { chainStatements, declaration, elementStatements } from '../nftables/statements.ts';
import { localAddresses } from '../endpoints.ts';
import type { ProxyMode, SyncOptions, SyncProblem, SyncReport } from '../proxy-mode.ts';
import type { IpFamily, ServiceMap, ServicePort } from '../service-map.ts';
import { changesBetween, type Change } from '../snapshot-map.ts';
import { DummyDevice, nodeAddresses } from './dummy-device.ts';
import { ipvsPieces } from './ipvs-pieces.ts';
import { ipvsChains, ipvsSets, ipvsTableOf } from './ipvs-table.ts';
import { IpvsTool } from './ipvs-tool.ts';
import { linesFor, repairLines } from './server-changes.ts';

/** How IPVS chooses an endpoint, by the kernel's names. */
export const IPVS_SCHEDULERS = ['rr', 'wrr', 'lc', 'wlc', 'lblc', 'lblcr', 'dh', 'sh', 'sed', 'nq', 'mh'] as const;
export type IpvsScheduler = (typeof IPVS_SCHEDULERS)[number];

export interface IpvsModeDependencies {
  /** Default: children of this process. */
  readonly run?: CommandRunner;
}

export interface IpvsModeOptions {
  /** Default IPv4. */
  readonly family?: IpFamily;
  /** Default `rr`: in turn. All endpoints have the same weight. */
  readonly scheduler?: IpvsScheduler;
  /** The range of all pods. With it, traffic to cluster IPs from elsewhere is masqueraded. */
  readonly clusterCIDR?: string;
  /** Node ports are served on the node's addresses in these ranges (CIDRs). Default: all, but those of the loopback. */
  readonly nodePortAddresses?: readonly string[];
}

const SETTINGS: readonly Setting[] = [
  { name: 'net.ipv4.vs.conntrack', module: 'ip_vs', loss: 'clients that are masqueraded get no answers' },
  { name: 'net.ipv4.vs.expire_nodest_conn', module: 'ip_vs', loss: 'clients keep talking to endpoints that are gone' },
  {
    name: 'net.ipv4.vs.expire_quiescent_template',
    module: 'ip_vs',
    loss: 'clients with affinity stay with endpoints that are going',
  },
  { name: 'net.ipv4.conf.all.arp_ignore', loss: 'the node answers for the addresses of services on its networks' },
  { name: 'net.ipv4.conf.all.arp_announce', value: '2', loss: 'the node tells its neighbours the addresses of services' },
];

/** What is known of the node. */
interface Known {
  readonly desired: ServiceMap;
  readonly claims: Claims;
  readonly pieces: Map<string, readonly Element[]>;
  readonly nodeAddresses: readonly string[];
  readonly ownAddresses: readonly string[];
  readonly draining: Set<string>;
  readonly settings: readonly SyncProblem[];
}

/**
 * Serves Services by IPVS, the load balancer of the kernel: a virtual server for each address and port, on a dummy device that has the
 * addresses. A few rules of nftables with sets do what IPVS does not: masquerading, source ranges, what is dropped. An endpoint that goes
 * gets no new connection, and goes when it has none left. Needs root, and a kernel with `ip_vs` and `dummy`.
 */
export class IpvsMode implements ProxyMode {
  readonly name = 'ipvs';
  readonly #run: CommandRunner;
  readonly #family: IpFamily;
  readonly #options: IpvsModeOptions;
  readonly #table: string;
  readonly #ipvs: IpvsTool;
  readonly #nft: NftTool;
  readonly #device: DummyDevice;
  readonly #settings: NodeSettings;
  readonly #flows: StaleFlows;
  readonly #hairpins: HairpinPorts;
  readonly #unusable = new Map<string, SyncProblem>();
  #known: Known | undefined;
  #hasProblems = false;

  constructor(deps: IpvsModeDependencies = {}, options: IpvsModeOptions = {}) {
    const { family = 'IPv4' } = options;
    this.#run = deps.run ?? runCommand;
    this.#family = family;
    this.#options = options;
    this.#table = ipvsTableOf(family);
    this.#ipvs = new IpvsTool(this.#run);
    this.#nft = new NftTool(this.#run, this.#table);
    this.#device = new DummyDevice(this.#run, family);
    this.#settings = new NodeSettings(this.#run, family);
    this.#flows = new StaleFlows(this.#run, family);
    this.#hairpins = new HairpinPorts(this.#run, family);
  }

  async sync(desired: ServiceMap, { full = false }: SyncOptions = {}): Promise<SyncReport> {
    const known = this.#known;
    if (!full && known?.desired === desired && !this.#hasProblems) return { changed: false, problems: [] };
    this.#known = undefined;
    const looks = full || !known;
    const fresh = looks
      ? [...desired.values()]
      : [...changesBetween(known.desired, desired).values()].flatMap(({ after }) => after ?? []);
    const [changed, next] = looks ? await this.#look(desired) : await this.#follow(known, desired);
    this.#known = next;
    const problems = [
      ...this.#unusable.values(),
      ...next.settings,
      ...(await this.#hairpins.turnOn(fresh.flatMap(localAddresses), looks)),
      ...(await this.#flows.follow(desired, full)),
    ];
    this.#hasProblems = problems.length > 0;
    return { changed, problems };
  }

  /** Nothing of it runs in this process. */
  close(): Promise<void> {
    this.#known = undefined;
    this.#unusable.clear();
    this.#flows.forget();
    return Promise.resolve();
  }

  /** Kernel settings that were turned on stay on, since others may rely on them by then. */
  async cleanup(): Promise<void> {
    await this.close();
    // What there is of ours is noted in the table, or is on the device. A kernel without IPVS has neither, and would fail to list.
    const isThere = (await this.#device.addresses()).size > 0 || (await this.#hasTable(this.#family));
    if (!isThere) return;
    const isOurs = await this.#ownership();
    await this.#ipvs.apply([...(await this.#ipvs.list()).keys()].filter(isOurs).map((key) => `-D ${key}`));
    await this.#device.remove({ isShared: await this.#hasTable(this.#family === 'IPv6' ? 'IPv4' : 'IPv6') });
    await this.#nft.remove();
  }

  async #hasTable(family: IpFamily): Promise<boolean> {
    try {
      return (await new NftTool(this.#run, ipvsTableOf(family)).handle()) !== undefined;
    } catch (error) {
      if (isReason(error, 'NotFound')) return false;
      throw error;
    }
  }

  async #follow(known: Known, desired: ServiceMap): Promise<readonly [boolean, Known]> {
    this.#claim(known, changesBetween(known.desired, desired));
    const { removed, added } = known.claims.takeChanges();
    if (removed.length + added.length === 0) return [false, { ...known, desired }];
    // What is ours is noted in the sets first and struck out last, so that a later life knows it.
    await this.#changeSets('add', added);
    await this.#device.change({ add: addressesIn(added), remove: [] });
    await this.#ipvs.apply(linesFor({ removed, added, draining: known.draining }));
    await this.#device.change({ add: [], remove: addressesIn(removed) });
    await this.#changeSets('delete', removed);
    return [true, { ...known, desired }];
  }

  /** Compares all that is there with all that should be: for what is there of earlier lives, and what was damaged or drained. */
  async #look(desired: ServiceMap): Promise<readonly [boolean, Known]> {
    const settings = await this.#settings.turnOn(SETTINGS);
    const isOurs = await this.#ownership();
    const ownAddresses = await nodeAddresses(this.#run, this.#family);
    const known: Known = {
      desired,
      settings,
      claims: new Claims(),
      pieces: new Map(),
      draining: new Set(),
      nodeAddresses: this.#nodePortAddresses(ownAddresses),
      ownAddresses,
    };
    this.#claim(known, changesBetween(new Map(), desired));
    known.claims.takeChanges();
    await this.#nft.apply(this.#rewriteTable(known.claims));
    const have = await this.#device.open();
    const want = new Set(addressesIn([...known.claims.elements()]));
    await this.#device.change({ add: want.difference(have), remove: [] });
    const actual = await this.#ipvs.list();
    const { lines, draining } = repairLines({ desired: known.claims.elements(), actual, isOurs });
    await this.#ipvs.apply(lines);
    await this.#device.change({ add: [], remove: new Set(have).difference(want) });
    return [lines.length > 0 || have.symmetricDifference(want).size > 0, { ...known, draining }];
  }

  #claim({ claims, pieces, ...addresses }: Known, changes: ReadonlyMap<string, Change<ServicePort>>): void {
    const options = { ...addresses, family: this.#family, scheduler: this.#options.scheduler ?? 'rr' };
    for (const [key, { after }] of changes) {
      const isFine = after !== undefined && isUsable(after, this.#family);
      if (after && !isFine) this.#unusable.set(key, unusable(after));
      else this.#unusable.delete(key);
      claims.release(key, pieces.get(key) ?? []);
      const elements = isFine ? ipvsPieces(after, options) : [];
      claims.claim(key, elements);
      if (isFine) pieces.set(key, elements);
      else pieces.delete(key);
    }
  }

  #rewriteTable(claims: Claims): string {
    const sets = ipvsSets(this.#family);
    return `${[
      `add table ${this.#table}`,
      ...[...sets.values()].map((text) => declaration(this.#table, text)),
      ...[...sets.keys()].map((name) => `flush set ${this.#table} ${name}`),
      ...chainStatements(this.#table, ipvsChains({ ...this.#options, family: this.#family })),
      ...elementStatements(this.#table, 'add', [...claims.elements()].filter(isInTable)),
    ].join('\n')}\n`;
  }

  async #changeSets(verb: 'add' | 'delete', elements: ElementChanges['added']): Promise<void> {
    const lines = elementStatements(this.#table, verb, elements.filter(isInTable));
    if (lines.length > 0) await this.#nft.apply(`${lines.join('\n')}\n`);
  }

  /** Which virtual servers are ours: those on the device, and those that are noted in the sets. */
  async #ownership(): Promise<(key: string) => boolean> {
    const addresses = await this.#device.addresses();
    const noted = new Set([...(await this.#noted('service-ips')), ...(await this.#noted('nodeports'))]);
    return (key) => {
      const [, option = '', address = '', port = ''] = /^(\S+) \[?(.*?)\]?:(\d+)$/.exec(key) ?? [];
      const protocol = { '-t': 'tcp', '-u': 'udp' }[option] ?? 'sctp';
      if ((familyOf(address) === 'ipv6') !== (this.#family === 'IPv6')) return false;
      return addresses.has(address) || noted.has(`${address} . ${protocol} . ${port}`) || noted.has(`${protocol} . ${port}`);
    };
  }

  async #noted(set: string): Promise<readonly string[]> {
    const args = ['-j', 'list', 'set', ...this.#table.split(' '), set];
    try {
      const { nftables } = JSON.parse(await runOrThrow(this.#run, { file: 'nft', args })) as SetListing;
      return nftables.flatMap((one) => one.set?.elem ?? []).map(({ concat }) => concat.join(' . '));
    } catch {
      // There is no such table.
      return [];
    }
  }

  #nodePortAddresses(all: readonly string[]): readonly string[] {
    const ranges = this.#options.nodePortAddresses && blockListOf(this.#options.nodePortAddresses);
    return ranges ? all.filter((address) => ranges.check(address, familyOf(address))) : all;
  }
}

interface SetListing {
  readonly nftables: readonly {
    readonly set?: { readonly elem?: readonly { readonly concat: readonly (string | number)[] }[] };
  }[];
}

function isInTable({ set }: Element): boolean {
  return set !== 'address' && set !== 'server' && set !== 'destination';
}

function addressesIn(elements: readonly Element[]): string[] {
  return elements.filter((one) => one.set === 'address').map((one) => one.key);
}

/** Why IPVS can not be used here; empty if it can. */
export async function ipvsObstacle(run: CommandRunner = runCommand): Promise<string> {
  try {
    await runOrThrow(run, { file: 'ipvsadm', args: ['-Ln'] });
    return '';
  } catch (error) {
    return errorMessage(error);
  }
}
