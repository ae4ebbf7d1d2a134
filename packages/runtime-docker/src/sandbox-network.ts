import { appendFile } from 'node:fs/promises';
import { KeelsonError } from '@keelson/base';
import type { PodNetwork, PodNetworkStatus, SandboxConfig } from '@keelson/runtime';
import type { EngineClient } from './engine/engine-client.ts';
import type { ContainerInspect, HostConfig, NetworkInspect } from './engine/engine-types.ts';

/** Who gives sandboxes their network. Sandboxes on the host's network never get here. */
export interface SandboxNetwork {
  /** What Docker is told of a sandbox's network. */
  settings(config: SandboxConfig): Pick<HostConfig, 'NetworkMode' | 'PortBindings'>;
  /** Attaches a sandbox that has started. */
  attach(inspect: ContainerInspect, config: SandboxConfig, signal?: AbortSignal): Promise<void>;
  /** Gives up what a sandbox has, running or gone. Idempotent. */
  detach(sandboxId: string, signal?: AbortSignal): Promise<void>;
  /** `undefined` if a running sandbox has no network that works. */
  addresses(inspect: ContainerInspect): Promise<readonly string[] | undefined>;
  /** Gives up what belongs to none of these. */
  retain(sandboxes: () => Promise<ReadonlySet<string>>, signal?: AbortSignal): Promise<void>;
  info(signal?: AbortSignal): Promise<{ readonly hostAddress?: string; readonly network?: PodNetworkStatus }>;
}

/** One of Docker's own networks, with host ports by its means. */
export class EngineNetwork implements SandboxNetwork {
  readonly #engine: EngineClient;
  readonly #name: string;

  constructor(engine: EngineClient, name: string) {
    this.#engine = engine;
    this.#name = name;
  }

  settings({ portMappings }: SandboxConfig): Pick<HostConfig, 'NetworkMode' | 'PortBindings'> {
    if (portMappings.length === 0) return { NetworkMode: this.#name };
    const bindings: Record<string, { HostIp: string; HostPort: string }[]> = {};
    for (const port of portMappings) {
      (bindings[portKey(port)] ??= []).push({ HostIp: port.hostIp ?? '', HostPort: String(port.hostPort) });
    }
    return { NetworkMode: this.#name, PortBindings: bindings };
  }

  async attach(): Promise<void> {}

  async detach(): Promise<void> {}

  async retain(): Promise<void> {}

  async addresses({ HostConfig: { NetworkMode }, NetworkSettings }: ContainerInspect): Promise<readonly string[] | undefined> {
    // Made when pods got their network elsewhere.
    if (NetworkMode === 'none') return undefined;
    const endpoints = Object.values(NetworkSettings.Networks ?? {});
    return endpoints.flatMap(({ IPAddress, GlobalIPv6Address }) => [IPAddress, GlobalIPv6Address].filter(isThere));
  }

  async info(signal?: AbortSignal): Promise<{ readonly hostAddress?: string }> {
    const path = `/networks/${encodeURIComponent(this.#name)}`;
    const network = await this.#engine.json<NetworkInspect>({ method: 'GET', path, signal });
    const hostAddress = network.IPAM?.Config?.map(({ Gateway }) => Gateway).find(isThere);
    return hostAddress === undefined ? {} : { hostAddress };
  }
}

/** Docker gives sandboxes none, and a `PodNetwork` attaches them. It has to be on the engine's machine. */
export class AttachedNetwork implements SandboxNetwork {
  readonly #network: PodNetwork;

  constructor(network: PodNetwork) {
    this.#network = network;
  }

  settings(): Pick<HostConfig, 'NetworkMode'> {
    return { NetworkMode: 'none' };
  }

  async attach(inspect: ContainerInspect, { pod, hostname, portMappings }: SandboxConfig, signal?: AbortSignal): Promise<void> {
    const { SandboxKey: namespacePath = '' } = inspect.NetworkSettings;
    if (namespacePath === '') throw new KeelsonError('InternalError', `Sandbox ${inspect.Id} has no network namespace`);
    const { ips } = await this.#network.add({ pod, sandboxId: inspect.Id, namespacePath, portMappings }, signal);
    // Docker knows no address, and so has written no line for the pod's own name. All containers of the pod share the file.
    const lines = ips.map((ip) => `${ip}\t${hostname}\n`);
    if (isThere(inspect.HostsPath)) await appendFile(inspect.HostsPath, lines.join(''));
  }

  async detach(sandboxId: string, signal?: AbortSignal): Promise<void> {
    await this.#network.remove(sandboxId, signal);
  }

  async retain(sandboxes: () => Promise<ReadonlySet<string>>, signal?: AbortSignal): Promise<void> {
    await this.#network.retain(sandboxes, signal);
  }

  async addresses({ Id }: ContainerInspect): Promise<readonly string[] | undefined> {
    const attachment = await this.#network.find(Id);
    return attachment?.state === 'attached' ? attachment.ips : undefined;
  }

  async info(signal?: AbortSignal): Promise<{ readonly network: PodNetworkStatus }> {
    return { network: await this.#network.status(signal) };
  }
}

function portKey({ containerPort, protocol }: SandboxConfig['portMappings'][number]): string {
  return `${containerPort}/${protocol.toLowerCase()}`;
}

function isThere(text: string | undefined): text is string {
  return text !== undefined && text !== '';
}
