import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { addressOf } from '@keelson/api';
import { installProgram, programFor } from '@keelson/launcher';
import { addressesIn, type CniResult } from '../cni-result.ts';
import type { PluginConfig } from '../network-config.ts';
import type { BuiltInPlugin, PluginTarget } from '../plugin-chain.ts';
import type { PluginRunner } from '../plugin-runner.ts';
import { Addresses, ownerText, type GivenAddress } from './addresses.ts';
import { Bridge } from './bridge.ts';
import { POD_LINK_BINARIES } from './pod-link-binaries.ts';
import { runTool } from './run-tool.ts';

export interface BridgePluginOptions {
  readonly runner: PluginRunner;
  /** Where it keeps its program, and notes down which addresses are taken. */
  readonly stateDir: string;
}

/** The configuration that it takes. */
export interface BridgeConfig extends PluginConfig {
  readonly bridge: string;
  readonly podCidrs: readonly string[];
  /** Where addresses are noted down, in the state directory. */
  readonly addresses: string;
}

/** Its type in a network's configuration. */
export const BRIDGE_PLUGIN = 'keelson-bridge';

/** Whether there is a program for this machine. */
export function hasBridgePlugin(): boolean {
  return process.platform === 'linux' && programFor(POD_LINK_BINARIES) !== undefined;
}

/**
 * Does what the plugins `bridge`, `host-local` and `loopback` do for a node's default network, with the same result; but by one run of a program of a few
 * kilobytes (`native/pod-link.c`) rather than three of large ones.
 */
export class BridgePlugin implements BuiltInPlugin {
  readonly #runner: PluginRunner;
  readonly #stateDir: string;
  readonly #bridge: Bridge;
  readonly #addresses = new Map<string, Addresses>();
  #program: Promise<string> | undefined;

  constructor({ runner, stateDir }: BridgePluginOptions) {
    this.#runner = runner;
    this.#stateDir = stateDir;
    this.#bridge = new Bridge(runner);
  }

  async add(plugin: PluginConfig, target: PluginTarget, signal?: AbortSignal): Promise<CniResult> {
    const config = plugin as BridgeConfig; // Written by `builtInNetwork`, of this or an earlier version.
    const { sandboxId, interfaceName } = target;
    const addresses = this.#addressesIn(config.addresses);
    const owner = ownerText(sandboxId, interfaceName);
    const given: GivenAddress[] = [];
    for (const [place, cidr] of config.podCidrs.entries()) given.push(await addresses.take(cidr, place, owner));
    const ensured = await this.#bridge.ensure(config.bridge, given, signal);
    await this.#join(config, target, given, signal).catch(async () => {
      // Somebody may have taken the bridge away since it was looked at.
      this.#bridge.forget(ensured);
      await this.#bridge.ensure(config.bridge, given, signal);
      await this.#podLink(['del', linkName(target)], signal);
      await this.#join(config, target, given, signal);
    });
    return resultOf(config, target, given);
  }

  /** The address last: it must not be somebody else's while it is in use. */
  async del(plugin: PluginConfig, target: PluginTarget, signal?: AbortSignal): Promise<void> {
    const config = plugin as BridgeConfig; // As above.
    await this.#podLink(['del', linkName(target)], signal);
    await this.#addressesIn(config.addresses).giveBack(ownerText(target.sandboxId, target.interfaceName));
  }

  async check(_plugin: PluginConfig, target: PluginTarget, result: CniResult, signal?: AbortSignal): Promise<void> {
    const { namespacePath, interfaceName } = target;
    const args = [`--net=${namespacePath}`, 'ip', '-o', 'address', 'show', 'dev', interfaceName];
    const shown = await runTool(this.#runner, 'nsenter', args, signal);
    const missing = addressesIn(result).find((address) => !shown.includes(` ${address}/`));
    if (missing !== undefined) throw new Error(`interface ${interfaceName} does not have address ${missing}`);
  }

  async #join(
    { bridge }: BridgeConfig,
    target: PluginTarget,
    given: readonly GivenAddress[],
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const addresses = given.map(({ address, prefixLength, gateway }) => `${hex(address)}/${prefixLength}/${hex(gateway)}`);
    const { namespacePath, interfaceName } = target;
    const mac = macOf(target).replaceAll(':', '');
    await this.#podLink(['add', bridge, linkName(target), namespacePath, interfaceName, mac, ...addresses], signal);
  }

  async #podLink(args: readonly string[], signal: AbortSignal | undefined): Promise<void> {
    this.#program ??= installProgram(join(this.#stateDir, 'bin'), 'pod-link', POD_LINK_BINARIES);
    this.#program.catch(() => (this.#program = undefined));
    await runTool(this.#runner, await this.#program, args, signal);
  }

  #addressesIn(name: string): Addresses {
    const known = this.#addresses.get(name) ?? new Addresses(join(this.#stateDir, 'addresses', name));
    this.#addresses.set(name, known);
    return known;
  }
}

function resultOf({ bridge, podCidrs }: BridgeConfig, target: PluginTarget, given: readonly GivenAddress[]): CniResult {
  const { interfaceName, namespacePath } = target;
  return {
    cniVersion: '1.0.0',
    interfaces: [
      { name: bridge },
      { name: linkName(target) },
      { name: interfaceName, mac: macOf(target), sandbox: namespacePath },
    ],
    ips: given.map(({ address, prefixLength, gateway }) => ({ address: `${address}/${prefixLength}`, gateway, interface: 2 })),
    routes: podCidrs.map((cidr) => ({ dst: cidr.includes(':') ? '::/0' : '0.0.0.0/0' })),
    dns: {},
  };
}

/** Of the node's end: known from the sandbox alone, so that it is found again. */
function linkName(target: PluginTarget): string {
  return `veth${digestOf(target).slice(0, 8)}`;
}

/** One that nobody has bought. */
function macOf(target: PluginTarget): string {
  const digits = digestOf(target).slice(8, 18);
  return `02:${(digits.match(/../g) ?? []).join(':')}`;
}

function digestOf({ sandboxId, interfaceName }: PluginTarget): string {
  return createHash('sha256').update(`${sandboxId} ${interfaceName}`).digest('hex');
}

function hex(address: string): string {
  const { family, value } = addressOf(address);
  return value.toString(16).padStart(family === 'IPv4' ? 8 : 32, '0');
}
