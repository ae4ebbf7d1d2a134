import { isReason } from '@keelson/base';
import { runCommand, type CommandRunner } from '../command-runner.ts';
import { localAddresses } from '../endpoints.ts';
import { HairpinPorts } from '../kernel/hairpin-ports.ts';
import { NodeSettings } from '../kernel/node-settings.ts';
import { StaleFlows } from '../kernel/stale-flows.ts';
import { isUsable, unusable } from '../kernel/usable.ts';
import type { ProxyMode, SyncOptions, SyncProblem, SyncReport } from '../proxy-mode.ts';
import type { IpFamily, ServiceMap, ServicePort } from '../service-map.ts';
import { changesBetween, type Change } from '../snapshot-map.ts';
import { NftTool } from './nft-tool.ts';
import { LOCALNET_NOTE, servesLocalhost, wordsOf, type LayoutOptions } from './table-layout.ts';
import { TableState, type TableNames } from './table-state.ts';

export interface NftablesModeDependencies {
  /** Default: children of this process. */
  readonly run?: CommandRunner;
}

export interface NftablesModeOptions extends Omit<LayoutOptions, 'family' | 'localnetIsOurs'> {
  /** Default IPv4. */
  readonly family?: IpFamily;
}

/** So many elements are written anew at each full look; more of them at every second one, and so on. */
const ELEMENTS_PER_LOOK = 10_000;

const NO_NAMES: TableNames = { chains: new Set(), sets: new Set() };

/** What is known of the node. */
interface Known {
  readonly state: TableState;
  readonly desired: ServiceMap;
  readonly handle: string | undefined;
  readonly settings: readonly SyncProblem[];
  /** Full looks since the whole table was written. */
  readonly looks: number;
}

/**
 * Serves Services by one table of nftables, as data: maps from addresses and ports to endpoints. The rules are the same few however many
 * services there are; only those with client affinity have chains of their own. Each sync is one transaction with the elements that differ.
 * Needs root, or CAP_NET_ADMIN.
 */
export class NftablesMode implements ProxyMode {
  readonly name = 'nftables';
  readonly #layout: LayoutOptions;
  readonly #tool: NftTool;
  readonly #settings: NodeSettings;
  readonly #flows: StaleFlows;
  readonly #hairpins: HairpinPorts;
  readonly #unusable = new Map<string, SyncProblem>();
  #known: Known | undefined;
  #hasProblems = false;

  constructor(deps: NftablesModeDependencies = {}, options: NftablesModeOptions = {}) {
    const { family = 'IPv4' } = options;
    const { run = runCommand } = deps;
    this.#layout = { ...options, family };
    this.#tool = new NftTool(run, wordsOf(family).table);
    this.#settings = new NodeSettings(run, family);
    this.#flows = new StaleFlows(run, family);
    this.#hairpins = new HairpinPorts(run, family);
  }

  async sync(desired: ServiceMap, { full = false }: SyncOptions = {}): Promise<SyncReport> {
    const known = this.#known;
    if (!full && known?.desired === desired && !this.#hasProblems) return { changed: false, problems: [] };
    this.#known = undefined;
    const changes = this.#usableChanges(changesBetween(known?.desired ?? new Map(), desired));
    const [changed, next] = known ? await this.#follow(known, changes, full) : await this.#takeOver(changes);
    this.#known = { ...next, desired };
    const looksAtAll = full || !known;
    const addresses = looksAtAll
      ? [...desired.values()].flatMap(localAddresses)
      : [...changes.values()].flatMap(({ after }) => (after ? localAddresses(after) : []));
    const problems = [
      ...this.#unusable.values(),
      ...next.settings,
      ...(await this.#hairpins.turnOn(addresses, looksAtAll)),
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

  /** Settings that were turned on stay on, but for the one that lets 127.0.0.1 out of the loopback interface. */
  async cleanup(): Promise<void> {
    await this.close();
    try {
      const { chains } = await this.#present();
      await this.#tool.remove();
      if (chains.has(LOCALNET_NOTE)) await this.#settings.setLocalnet(false);
    } catch (error) {
      // Without the program there is no table of ours.
      if (!isReason(error, 'NotFound')) throw error;
    }
  }

  /** The first sync of this life: whatever an earlier one has left is written over. */
  async #takeOver(changes: Changes): Promise<readonly [boolean, Omit<Known, 'desired'>]> {
    const present = await this.#present();
    const localnetIsOurs =
      servesLocalhost(this.#layout) && (present.chains.has(LOCALNET_NOTE) || !(await this.#settings.hasLocalnet()));
    const state = new TableState({ ...this.#layout, localnetIsOurs });
    state.change(changes);
    return [true, await this.#rewrite(state, present)];
  }

  async #follow(known: Known, changes: Changes, full: boolean): Promise<readonly [boolean, Omit<Known, 'desired'>]> {
    const { state } = known;
    const statements = state.change(changes);
    if (full) {
      const looks = known.looks + 1;
      // To look at all elements costs more than to write them, so they are written: often if they are few, or if the table is another one.
      const isDue = looks * ELEMENTS_PER_LOOK > state.size || (await this.#tool.handle()) !== known.handle;
      if (isDue) return [true, await this.#rewrite(state, await this.#present())];
      known = { ...known, settings: await this.#turnSettingsOn(), looks };
    }
    if (statements !== '') await this.#tool.apply(statements);
    return [statements !== '', known];
  }

  async #rewrite(state: TableState, present: TableNames): Promise<Omit<Known, 'desired'>> {
    try {
      await this.#tool.apply(state.rewrite(present));
    } catch {
      // What is there is of another kind than ours: nothing of it can be kept.
      await this.#tool.remove();
      await this.#tool.apply(state.rewrite(NO_NAMES));
    }
    return { state, settings: await this.#turnSettingsOn(), handle: await this.#tool.handle(), looks: 0 };
  }

  async #present(): Promise<TableNames> {
    return (await this.#tool.handle()) === undefined ? NO_NAMES : this.#tool.names();
  }

  /** After the rules: first the one that keeps neighbours from 127.0.0.1, then the setting that would let them in. */
  async #turnSettingsOn(): Promise<readonly SyncProblem[]> {
    const problems = await this.#settings.turnOn();
    return servesLocalhost(this.#layout) ? [...problems, ...(await this.#settings.setLocalnet(true))] : problems;
  }

  #usableChanges(changes: Changes): Changes {
    return new Map(
      [...changes].map(([key, { before, after }]) => {
        const isFine = after === undefined || isUsable(after, this.#layout.family);
        if (isFine) this.#unusable.delete(key);
        else this.#unusable.set(key, unusable(after));
        return [key, { before, after: isFine ? after : undefined }];
      }),
    );
  }
}

type Changes = ReadonlyMap<string, Change<ServicePort>>;
