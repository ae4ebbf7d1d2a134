import { blockListOf } from '../addresses.ts';
import { isUsable, unusable } from '../kernel/usable.ts';
import { runCommand, type CommandRunner } from '../command-runner.ts';
import type { ProxyMode, SyncOptions, SyncProblem, SyncReport } from '../proxy-mode.ts';
import type { IpFamily, ServiceMap, ServicePort } from '../service-map.ts';
import { LOCALNET_NOTE, RuleBuilder } from './build-rules.ts';
import { changesOf, NOTHING, stateOf, type TableChanges, type TableState } from './changes.ts';
import { HairpinPorts } from '../kernel/hairpin-ports.ts';
import { findIptables, findUsedIptables, type IptablesTool } from './iptables-tool.ts';
import { NodeSettings } from '../kernel/node-settings.ts';
import { restoreText } from './restore-text.ts';
import { TABLES, type RuleSet, type Table } from './rule-set.ts';
import { Spellings } from './spellings.ts';
import { StaleFlows } from '../kernel/stale-flows.ts';

export interface IptablesModeDependencies {
  /** Default: children of this process. */
  readonly run?: CommandRunner;
}

export interface IptablesModeOptions {
  /** Default IPv4. */
  readonly family?: IpFamily;
  /** The range of all pods. With it, traffic to cluster IPs from elsewhere is masqueraded, and `externalTrafficPolicy: Local` does not bind pods. */
  readonly clusterCIDR?: string;
  /** Node ports are served on the node's addresses in these ranges (CIDRs). Default: all, 127.0.0.1 too. */
  readonly nodePortAddresses?: readonly string[];
}

type State = Readonly<Record<Table, TableState>>;

/** What is known of the node. */
interface Known {
  readonly tool: IptablesTool;
  readonly state: State;
  readonly localnetIsOurs: boolean;
  readonly problems: readonly SyncProblem[];
}

/**
 * Serves Services by rules of iptables in the chains that kube-proxy uses, so the kernel moves the packets and goes on without this
 * process. Each sync changes each table at once, and sends the differences only. Needs root, or CAP_NET_ADMIN and CAP_NET_RAW.
 */
export class IptablesMode implements ProxyMode {
  readonly name = 'iptables';
  readonly #run: CommandRunner;
  readonly #family: IpFamily;
  readonly #servesLocalhost: boolean;
  readonly #builder: RuleBuilder;
  readonly #settings: NodeSettings;
  readonly #flows: StaleFlows;
  readonly #hairpins: HairpinPorts;
  readonly #spellings = new Spellings();
  /** The one that worked the last time: to find it out takes as long as to look. */
  #tool: IptablesTool | undefined;
  #known: Known | undefined;
  #last: { readonly desired: ServiceMap; readonly problems: readonly SyncProblem[] } | undefined;

  constructor(deps: IptablesModeDependencies = {}, options: IptablesModeOptions = {}) {
    const { family = 'IPv4', clusterCIDR, nodePortAddresses } = options;
    this.#run = deps.run ?? runCommand;
    this.#family = family;
    this.#servesLocalhost = family === 'IPv4' && includesLocalhost(nodePortAddresses);
    this.#builder = new RuleBuilder({ family, clusterCIDR, nodePortAddresses });
    this.#settings = new NodeSettings(this.#run, family);
    this.#flows = new StaleFlows(this.#run, family);
    this.#hairpins = new HairpinPorts(this.#run, family);
  }

  async sync(desired: ServiceMap, { full = false }: SyncOptions = {}): Promise<SyncReport> {
    const last = this.#last;
    if (!full && this.#known && last?.desired === desired && last.problems.length === 0) return { changed: false, problems: [] };
    this.#last = undefined;
    const hasLooked = full || !this.#known;
    const known = hasLooked || !this.#known ? await this.#look() : this.#known;
    this.#known = undefined;
    const { usable, problems: unusable } = partition(desired, this.#family);
    const rules = this.#builder.build(usable, known);
    this.#tool = undefined;
    const changed = await this.#apply(known, rules, hasLooked);
    this.#tool = known.tool;
    const localnet = hasLooked && this.#servesLocalhost ? await this.#settings.setLocalnet(true) : [];
    const problems = hasLooked ? [...known.problems, ...localnet] : known.problems;
    this.#known = { ...known, state: { filter: stateOf(rules.filter), nat: stateOf(rules.nat) }, problems };
    const all = [
      ...unusable,
      ...problems,
      ...(await this.#hairpins.turnOn(addressesOf(usable), hasLooked)),
      ...(await this.#flows.follow(desired, full)),
    ];
    this.#last = { desired, problems: all };
    return { changed, problems: all };
  }

  /** Nothing of it runs in this process. */
  close(): Promise<void> {
    this.#tool = undefined;
    this.#known = undefined;
    this.#last = undefined;
    this.#flows.forget();
    return Promise.resolve();
  }

  /** Settings that were turned on stay on, but for the one that lets 127.0.0.1 out of the loopback interface. */
  async cleanup(): Promise<void> {
    await this.close();
    for (const tool of await findUsedIptables(this.#run, this.#family)) {
      const state = await saveAll(tool);
      await this.#restore(tool, [changesOf('filter', state.filter, NOTHING), changesOf('nat', state.nat, NOTHING)]);
      if (isLocalnetNoted(state)) await this.#settings.setLocalnet(false);
    }
  }

  async #look(): Promise<Known> {
    const tool = this.#tool ?? (await findIptables(this.#run, this.#family));
    this.#tool = undefined;
    const state = await saveAll(tool);
    const localnetIsOurs = this.#servesLocalhost && (isLocalnetNoted(state) || !(await this.#settings.hasLocalnet()));
    return { tool, state, localnetIsOurs, problems: await this.#settings.turnOn() };
  }

  async #apply({ tool, state }: Known, rules: RuleSet, hasLooked: boolean): Promise<boolean> {
    const have = hasLooked ? this.#spellings.translate(state, rules) : state;
    const changes = TABLES.map((table) => changesOf(table, have[table], rules[table]));
    if (changes.every((one) => one === undefined)) return false;
    await this.#restore(tool, changes);
    // What was there and was not as it should be may only be spelled otherwise by this iptables.
    if (hasLooked && rewrites(changes, state)) this.#spellings.learn(await saveAll(tool), rules);
    return true;
  }

  async #restore(tool: IptablesTool, changes: readonly (TableChanges | undefined)[]): Promise<void> {
    const real = changes.filter((one) => one !== undefined);
    if (real.length === 0) return;
    const { chainsAtOnce } = tool;
    try {
      await tool.restore(restoreText(real, { chainsAtOnce }));
    } catch (error) {
      if (!real.some((one) => one.deleted.length > 0)) throw error;
      // Someone else's rule may lead to a chain of ours: then it stays, empty.
      await tool.restore(restoreText(real, { chainsAtOnce, withDeletions: false }));
    }
  }
}

async function saveAll(tool: IptablesTool): Promise<State> {
  return { filter: await tool.save('filter'), nat: await tool.save('nat') };
}

function isLocalnetNoted(state: State): boolean {
  return state.filter.chains.get('KUBE-FIREWALL')?.includes(LOCALNET_NOTE) ?? false;
}

function rewrites(changes: readonly (TableChanges | undefined)[], before: State): boolean {
  return changes.some((one) => one && [...one.written.keys()].some((chain) => before[one.table].chains.has(chain)));
}

function includesLocalhost(ranges: readonly string[] | undefined): boolean {
  return !ranges || blockListOf(ranges).check('127.0.0.1');
}

/** One rule that iptables does not take would keep all others out, so what does not look right is left out. */
function partition(desired: ServiceMap, family: IpFamily): { usable: readonly ServicePort[]; problems: readonly SyncProblem[] } {
  const all = Map.groupBy(desired.values(), (port) => isUsable(port, family));
  return { usable: all.get(true) ?? [], problems: (all.get(false) ?? []).map(unusable) };
}

function addressesOf(ports: readonly ServicePort[]): string[] {
  return ports.flatMap((port) => port.clusterEndpoints).map((endpoint) => endpoint.address);
}
