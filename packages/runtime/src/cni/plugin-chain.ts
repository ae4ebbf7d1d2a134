import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { errorMessage, isReason, KeelsonError } from '@keelson/base';
import { CniError, failureIn } from './cni-error.ts';
import type { CniResult } from './cni-result.ts';
import { hasVersion, type NetworkConfig, type PluginConfig } from './network-config.ts';
import type { PluginOutcome, PluginRunner } from './plugin-runner.ts';

/** Which interface of which sandbox plugins are called for. */
export interface PluginTarget {
  readonly sandboxId: string;
  readonly namespacePath: string;
  readonly interfaceName: string;
  /** For `CNI_ARGS`. */
  readonly args: Readonly<Record<string, string>>;
  /** What the runtime has to offer, by capability: given to plugins that ask for it. */
  readonly capabilities: Readonly<Record<string, unknown>>;
}

/** A plugin that is no program. Its failures are told as a program's are. */
export interface BuiltInPlugin {
  add(config: PluginConfig, target: PluginTarget, signal?: AbortSignal): Promise<CniResult>;
  /** Idempotent. The target may have no namespace any more. */
  del(config: PluginConfig, target: PluginTarget, signal?: AbortSignal): Promise<void>;
  check(config: PluginConfig, target: PluginTarget, result: CniResult, signal?: AbortSignal): Promise<void>;
}

type Command = 'ADD' | 'DEL' | 'CHECK' | 'GC' | 'STATUS';

interface PluginCall {
  readonly network: NetworkConfig;
  readonly command: Command;
  readonly target?: PluginTarget;
  /** Keys that are added to the plugin's configuration. */
  readonly more?: Readonly<Record<string, unknown>> | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Runs the plugins of a network as the CNI specification (1.1) tells runtimes to. */
export class PluginChain {
  readonly #runner: PluginRunner;
  readonly #directories: readonly string[];
  /** By type. */
  readonly #builtIn: ReadonlyMap<string, BuiltInPlugin>;

  constructor(runner: PluginRunner, directories: readonly string[], builtIn: ReadonlyMap<string, BuiltInPlugin> = new Map()) {
    this.#runner = runner;
    this.#directories = directories;
    this.#builtIn = builtIn;
  }

  /** Names of programs that a network needs and that are not there. */
  missing({ plugins }: NetworkConfig): readonly string[] {
    const programs = plugins.filter(({ type }) => !this.#builtIn.has(type));
    const names = programs.flatMap(({ type, ipam }) => [type, ipamType(ipam)]).filter((name) => name !== undefined);
    return [...new Set(names)].filter((name) => this.#find(name) === undefined);
  }

  /** One plugin after the other, each given the result of the one before. The last result is the network's. */
  async add(network: NetworkConfig, target: PluginTarget, signal?: AbortSignal): Promise<CniResult> {
    let result: CniResult | undefined;
    for (const plugin of network.plugins) {
      const more = result && { prevResult: result };
      const { stdout } = await this.#call(plugin, { network, command: 'ADD', target, signal, ...(more && { more }) });
      result = resultIn(stdout) ?? this.#noResult(network, plugin, stdout);
    }
    return result ?? {};
  }

  /** In the opposite order; each is given the result of the whole `add`, if that is known. All are called, then the first failure is thrown. */
  async del(network: NetworkConfig, target: PluginTarget, result: CniResult | undefined, signal?: AbortSignal): Promise<void> {
    const more = result && hasVersion(network, '0.4.0') ? { prevResult: result } : {};
    const failures: unknown[] = [];
    for (const plugin of network.plugins.toReversed()) {
      await this.#call(plugin, { network, command: 'DEL', target, more, signal }).catch((error: unknown) => failures.push(error));
      signal?.throwIfAborted();
    }
    if (failures.length > 0) throw failures[0];
  }

  /** Does nothing where the network's version has no such command, or its configuration forbids it. */
  async check(network: NetworkConfig, target: PluginTarget, result: CniResult, signal?: AbortSignal): Promise<void> {
    if (network.disableCheck || !hasVersion(network, '0.4.0')) return;
    const more = { prevResult: result };
    for (const plugin of network.plugins) await this.#call(plugin, { network, command: 'CHECK', target, more, signal });
  }

  /** Tells plugins which attachments there are: everything else of this network they may remove. */
  async gc(
    network: NetworkConfig,
    valid: readonly { readonly containerID: string; readonly ifname: string }[],
    signal?: AbortSignal,
  ): Promise<void> {
    if (network.disableGC || !hasVersion(network, '1.1.0')) return;
    const more = { 'cni.dev/valid-attachments': valid };
    for (const plugin of network.plugins) await this.#call(plugin, { network, command: 'GC', more, signal });
  }

  /** Rejects with what a plugin that is not ready says. */
  async status(network: NetworkConfig, signal?: AbortSignal): Promise<void> {
    if (!hasVersion(network, '1.1.0')) return;
    for (const plugin of network.plugins) await this.#call(plugin, { network, command: 'STATUS', signal });
  }

  async #call(plugin: PluginConfig, { network, command, target, more, signal }: PluginCall): Promise<PluginOutcome> {
    const about = { plugin: plugin.type, network: network.name, command };
    const builtIn = this.#builtIn.get(plugin.type);
    if (builtIn && target) return calledBuiltIn(builtIn, plugin, { network, command, target, more, signal });
    const file = this.#find(plugin.type);
    if (file === undefined)
      throw new CniError(about, `failed to find plugin "${plugin.type}" in path [${this.#directories.join(' ')}]`);
    const input = JSON.stringify(inputOf(plugin, network, target, more));
    const outcome = await this.#runner
      .run({ file, env: this.#environment(command, target), input, signal })
      .catch((error: unknown) => {
        if (isReason(error, 'Timeout')) throw new KeelsonError('Timeout', new CniError(about, error.message).message);
        if (isReason(error)) throw new CniError(about, error.message);
        throw error;
      });
    if (outcome.code === 0) return outcome;
    const said = outcome.stderr.trim() || outcome.stdout.trim() || 'nothing';
    throw new CniError(about, failureIn(outcome.stdout) ?? `exit code ${outcome.code}, and it says: ${said.slice(0, 1000)}`);
  }

  #environment(command: Command, target: PluginTarget | undefined): Record<string, string> {
    const path = this.#directories.join(delimiter);
    if (!target) return { CNI_COMMAND: command, CNI_PATH: path };
    return {
      CNI_COMMAND: command,
      CNI_PATH: path,
      CNI_CONTAINERID: target.sandboxId,
      CNI_NETNS: target.namespacePath,
      CNI_IFNAME: target.interfaceName,
      CNI_ARGS: Object.entries(target.args)
        .map(([key, value]) => `${key}=${value}`)
        .join(';'),
    };
  }

  #find(type: string): string | undefined {
    return this.#directories.map((directory) => join(directory, type)).find((file) => existsSync(file));
  }

  #noResult(network: NetworkConfig, plugin: PluginConfig, stdout: string): never {
    const about = { plugin: plugin.type, network: network.name, command: 'ADD' };
    throw new CniError(about, `it gives no result: ${JSON.stringify(stdout.slice(0, 200))}`);
  }
}

/** As a program that has ended well would have done it. */
async function calledBuiltIn(
  builtIn: BuiltInPlugin,
  plugin: PluginConfig,
  { network, command, target, more, signal }: PluginCall & { readonly target: PluginTarget },
): Promise<PluginOutcome> {
  const about = { plugin: plugin.type, network: network.name, command };
  let result: CniResult = {};
  try {
    if (command === 'ADD') result = await builtIn.add(plugin, target, signal);
    if (command === 'DEL') await builtIn.del(plugin, target, signal);
    if (command === 'CHECK') await builtIn.check(plugin, target, more?.['prevResult'] ?? {}, signal);
  } catch (error) {
    signal?.throwIfAborted();
    if (isReason(error, 'Timeout')) throw new KeelsonError('Timeout', new CniError(about, error.message).message);
    throw new CniError(about, errorMessage(error));
  }
  return { code: 0, stdout: JSON.stringify(result), stderr: '' };
}

/** A plugin's configuration with what the runtime adds, and without what is meant for the runtime. */
function inputOf(
  { capabilities = {}, ...plugin }: PluginConfig,
  { name, cniVersion }: NetworkConfig,
  target: PluginTarget | undefined,
  more: PluginCall['more'],
): Readonly<Record<string, unknown>> {
  const wanted = Object.entries(target?.capabilities ?? {}).filter(([capability]) => capabilities[capability] === true);
  const runtimeConfig = wanted.length > 0 && { runtimeConfig: Object.fromEntries(wanted) };
  return { ...plugin, name, cniVersion, ...runtimeConfig, ...more };
}

function resultIn(stdout: string): CniResult | undefined {
  try {
    const result: unknown = JSON.parse(stdout);
    return typeof result === 'object' && result !== null && !Array.isArray(result) ? result : undefined;
  } catch {
    return undefined;
  }
}

function ipamType(ipam: unknown): string | undefined {
  const type = typeof ipam === 'object' && ipam !== null && 'type' in ipam ? ipam.type : undefined;
  return typeof type === 'string' && type !== '' ? type : undefined;
}
