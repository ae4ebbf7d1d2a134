import { mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { errorMessage, KeelsonError, silentLogger, type Clock, type Logger } from '@keelson/base';
import type { NetworkAttachment, NetworkRequest, PodNetwork, PodNetworkStatus } from '../pod-network.ts';
import { AttachmentFiles, type AttachmentRecord, type JoinedNetwork } from './attachment-files.ts';
import { addressesIn } from './cni-result.ts';
import { BRIDGE_PLUGIN, BridgePlugin, hasBridgePlugin } from './bridge/bridge-plugin.ts';
import { builtInNetwork, defaultNetwork, LOOPBACK_NETWORK } from './default-network.ts';
import { KeyedLock } from './keyed-lock.ts';
import { loadNetworkConfig, type NetworkConfig } from './network-config.ts';
import { PluginChain, type PluginTarget } from './plugin-chain.ts';
import { PluginRunner } from './plugin-runner.ts';

export interface CniNetworkOptions {
  readonly clock: Clock;
  readonly logger?: Logger;
  /** Where it keeps what it has made. Each node needs one of its own, which outlives restarts. */
  readonly stateDir: string;
  /** Where network configurations are; the first one by name is used. Default `/etc/cni/net.d`. */
  readonly configDir?: string;
  /** Where plugins are. Default `/opt/cni/bin` and `/usr/lib/cni`. */
  readonly pluginDirs?: readonly string[];
  /** The bridge of the default network, which is used where there is no configuration. Default `cni0`. */
  readonly bridge?: string;
  /** A file that is the network namespace of the node, if that is not this process's own: for several nodes on one machine. */
  readonly nodeNamespace?: string;
  /** How long one plugin may take before it is killed. Default 60,000. */
  readonly timeoutMs?: number;
}

/** Where distributions and installers put plugins. */
export const CNI_PLUGIN_DIRS: readonly string[] = ['/opt/cni/bin', '/usr/lib/cni'];
export const CNI_CONFIG_DIR = '/etc/cni/net.d';

const INTERFACE = 'eth0';
const NOT_READY = 'NetworkPluginNotReady';

/**
 * Networks of pods by CNI plugins: those of the first configuration in `configDir`, or a bridge with host ports over the node's pod CIDR
 * where there is none. Speaks versions 0.3.0 to 1.1.0 of the specification. Needs root.
 */
export class CniNetwork implements PodNetwork {
  readonly #logger: Logger;
  readonly #stateDir: string;
  readonly #configDir: string;
  readonly #bridge: string;
  readonly #chain: PluginChain;
  readonly #files: AttachmentFiles;
  readonly #lock = new KeyedLock();
  #podCidrs: readonly string[] = [];
  #records: Promise<Map<string, AttachmentRecord | undefined>> | undefined;

  constructor(options: CniNetworkOptions) {
    const { clock, logger = silentLogger, stateDir, configDir = CNI_CONFIG_DIR, pluginDirs = CNI_PLUGIN_DIRS } = options;
    const { bridge = 'cni0', timeoutMs = 60_000, nodeNamespace } = options;
    this.#logger = logger;
    this.#stateDir = stateDir;
    this.#configDir = configDir;
    this.#bridge = bridge;
    const runner = new PluginRunner({ clock, timeoutMs, nodeNamespace });
    this.#chain = new PluginChain(runner, pluginDirs, new Map([[BRIDGE_PLUGIN, new BridgePlugin({ runner, stateDir })]]));
    this.#files = new AttachmentFiles(join(stateDir, 'attachments'));
  }

  async status(signal?: AbortSignal): Promise<PodNetworkStatus> {
    try {
      const network = await this.#network();
      const missing = networksOf(network).flatMap(({ config }) => this.#chain.missing(config));
      if (missing.length > 0)
        return notReady(`network "${network.name}" needs plugins that are not there: ${missing.join(', ')}`);
      await this.#chain.status(network, signal);
      return { ready: true };
    } catch (error) {
      return notReady(errorMessage(error));
    }
  }

  async setPodCidrs(podCidrs: readonly string[]): Promise<void> {
    this.#podCidrs = podCidrs;
  }

  async add(request: NetworkRequest, signal?: AbortSignal): Promise<NetworkAttachment> {
    if (!/^[a-zA-Z0-9][\w.-]*$/.test(request.sandboxId))
      throw new KeelsonError('BadRequest', `not a name for a sandbox: "${request.sandboxId}"`);
    return this.#lock.run(request.sandboxId, () => this.#add(request, signal));
  }

  async check(sandboxId: string, signal?: AbortSignal): Promise<void> {
    await this.#lock.run(sandboxId, async () => {
      const record = (await this.#load()).get(sandboxId);
      if (!record || !isAttached(record)) throw new KeelsonError('NotFound', `Sandbox "${sandboxId}" has no network`);
      for (const joined of record.networks)
        await this.#chain.check(joined.config, targetOf(record.request, joined), joined.result ?? {}, signal);
    });
  }

  async remove(sandboxId: string, signal?: AbortSignal): Promise<void> {
    await this.#lock.run(sandboxId, () => this.#remove(sandboxId, signal));
  }

  async find(sandboxId: string): Promise<NetworkAttachment | undefined> {
    const records = await this.#load();
    return records.has(sandboxId) ? attachmentOf(sandboxId, records.get(sandboxId)) : undefined;
  }

  async retain(sandboxes: () => Promise<ReadonlySet<string>>, signal?: AbortSignal): Promise<void> {
    const known = [...(await this.#load()).keys()];
    const there = await sandboxes();
    const failures: unknown[] = [];
    for (const id of known) {
      if (there.has(id)) continue;
      this.#logger.info('removing the network of a sandbox that is gone', { sandbox: id });
      await this.remove(id, signal).catch((error: unknown) => failures.push(error));
    }
    await this.#collectGarbage(signal).catch((error: unknown) => failures.push(error));
    if (failures.length > 0) throw failures[0];
  }

  async #add(request: NetworkRequest, signal: AbortSignal | undefined): Promise<NetworkAttachment> {
    const { sandboxId } = request;
    await this.#remove(sandboxId, signal);
    const network = await this.#network(request.portMappings.some(({ hostPort }) => hostPort > 0));
    const namespaceInode = await inodeOf(request.namespacePath);
    if (namespaceInode === undefined)
      throw new KeelsonError('InternalError', `Cannot give "${sandboxId}" a network: no namespace at "${request.namespacePath}"`);
    const networks = networksOf(network);
    // Before anything is made: whoever finds this later knows what there may be to remove.
    await this.#write(sandboxId, { request, namespaceInode, networks });
    try {
      const record = { request, namespaceInode, networks: await this.#join(networks, request, signal) };
      await this.#write(sandboxId, record);
      return attachmentOf(sandboxId, record);
    } catch (error) {
      await this.#remove(sandboxId).catch((reason: unknown) => {
        this.#logger.warn('a failed network stays behind for now', { sandbox: sandboxId, error: errorMessage(reason) });
      });
      throw error;
    }
  }

  /** All at the same time, as none knows of another: running plugins is most of what a sandbox costs. */
  async #join(
    networks: readonly JoinedNetwork[],
    request: NetworkRequest,
    signal: AbortSignal | undefined,
  ): Promise<readonly JoinedNetwork[]> {
    const joins = networks.map(async (joined) => ({
      ...joined,
      result: await this.#chain.add(joined.config, targetOf(request, joined), signal),
    }));
    // Nothing is removed while something of it is still being made.
    await Promise.allSettled(joins);
    return Promise.all(joins);
  }

  async #remove(sandboxId: string, signal?: AbortSignal): Promise<void> {
    const records = await this.#load();
    if (!records.has(sandboxId)) return;
    const record = records.get(sandboxId) ?? (await this.#unreadable(sandboxId));
    // Never in a namespace that is somebody else's by now.
    const isOurs = (await inodeOf(record.request.namespacePath)) === record.namespaceInode;
    const request = isOurs ? record.request : { ...record.request, namespacePath: '' };
    for (const joined of record.networks.toReversed())
      await this.#chain.del(joined.config, targetOf(request, joined), joined.result, signal);
    await this.#files.remove(sandboxId);
    records.delete(sandboxId);
  }

  /** The best guess at what a sandbox had whose record is lost: plugins know by its id what is to be given up. */
  async #unreadable(sandboxId: string): Promise<AttachmentRecord> {
    const pod = { uid: '', name: '', namespace: '' };
    const config = await this.#network();
    return {
      request: { pod, sandboxId, namespacePath: '', portMappings: [] },
      namespaceInode: 0,
      networks: [{ interfaceName: INTERFACE, config }],
    };
  }

  async #collectGarbage(signal: AbortSignal | undefined): Promise<void> {
    const network = await this.#network().catch(() => undefined);
    if (!network) return;
    const records = await this.#load();
    const valid = [...records.keys()].map((containerID) => ({ containerID, ifname: INTERFACE }));
    await this.#chain.gc(network, valid, signal);
  }

  async #network(hostPorts = true): Promise<NetworkConfig> {
    const configured = await loadNetworkConfig(this.#configDir);
    if (configured) return configured;
    const podCidrs = this.#podCidrs;
    const makeNetwork = hasBridgePlugin() ? builtInNetwork : defaultNetwork;
    if (podCidrs.length > 0) return makeNetwork({ podCidrs, stateDir: this.#stateDir, bridge: this.#bridge, hostPorts });
    const message = `no network configuration in "${this.#configDir}", and the node has no pod CIDR yet`;
    throw new KeelsonError('ServiceUnavailable', message);
  }

  async #write(sandboxId: string, record: AttachmentRecord): Promise<void> {
    const records = await this.#load();
    await this.#files.write(sandboxId, record);
    records.set(sandboxId, record);
  }

  #load(): Promise<Map<string, AttachmentRecord | undefined>> {
    this.#records ??= mkdir(this.#stateDir, { recursive: true, mode: 0o700 }).then(async () => new Map(await this.#files.load()));
    this.#records.catch(() => (this.#records = undefined));
    return this.#records;
  }
}

/** The plugin of our own brings the loopback interface up besides. */
function networksOf(network: NetworkConfig): readonly JoinedNetwork[] {
  const own: JoinedNetwork = { interfaceName: INTERFACE, config: network };
  const hasLoopback = network.plugins.some(({ type }) => type === BRIDGE_PLUGIN);
  return hasLoopback ? [own] : [{ interfaceName: 'lo', config: LOOPBACK_NETWORK }, own];
}

async function inodeOf(path: string): Promise<number | undefined> {
  const found = path === '' ? undefined : await stat(path).catch(() => undefined);
  return found?.ino;
}

function notReady(message: string): PodNetworkStatus {
  return { ready: false, reason: NOT_READY, message };
}

function isAttached({ networks }: AttachmentRecord): boolean {
  return networks.every(({ result }) => result !== undefined);
}

function attachmentOf(sandboxId: string, record: AttachmentRecord | undefined): NetworkAttachment {
  const request = record?.request ?? {
    pod: { uid: '', name: '', namespace: '' },
    sandboxId,
    namespacePath: '',
    portMappings: [],
  };
  if (!record || !isAttached(record)) return { ...request, state: 'unfinished', interfaceName: INTERFACE, ips: [] };
  const pods = record.networks.filter(({ interfaceName }) => interfaceName === INTERFACE);
  return {
    ...request,
    state: 'attached',
    interfaceName: INTERFACE,
    ips: pods.flatMap(({ result }) => addressesIn(result ?? {})),
  };
}

function targetOf(
  { pod, sandboxId, namespacePath, portMappings }: NetworkRequest,
  { interfaceName }: JoinedNetwork,
): PluginTarget {
  const ports = portMappings.filter(({ hostPort }) => hostPort > 0);
  return {
    sandboxId,
    namespacePath,
    interfaceName,
    args: {
      IgnoreUnknown: '1',
      K8S_POD_NAMESPACE: pod.namespace,
      K8S_POD_NAME: pod.name,
      K8S_POD_INFRA_CONTAINER_ID: sandboxId,
      K8S_POD_UID: pod.uid,
    },
    capabilities: {
      ...(ports.length > 0 && {
        portMappings: ports.map(({ hostPort, containerPort, protocol, hostIp = '' }) => ({
          hostPort,
          containerPort,
          protocol: protocol.toLowerCase(),
          hostIP: hostIp,
        })),
      }),
    },
  };
}
