import { existsSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { CLOCK, LOGGER, SystemClock, type Clock, type Logger } from '@keelson/base';
import { removePodRoutes } from '@keelson/proxy';
import { CONTAINER_RUNTIME, RuntimeRouter, SimulatedRuntime, type ContainerRuntime } from '@keelson/runtime';
import { CNI_CONFIG_DIR, cniAvailable, CniNetwork, loadNetworkConfig } from '@keelson/runtime/cni';
import { criAvailable, CriRuntime } from '@keelson/runtime-cri';
import { criRuntimeModule } from '@keelson/runtime-cri/module';
import { dockerAvailable, DockerRuntime } from '@keelson/runtime-docker';
import { dockerRuntimeModule } from '@keelson/runtime-docker/module';
import { lxcAvailable, LxcRuntime } from '@keelson/runtime-lxc';
import { Container } from 'inversify';
import type { ClusterOptions, ClusterSettings, RuntimeName } from '../options.ts';
import { nodeNameOf, podCidrOf } from './node-name.ts';
import { gatewayOf, makeBridge, removeBridge } from './pod-bridge.ts';

export const LOOPBACK_ADDRESS = '127.0.0.1';

type Availability = { readonly available: true } | { readonly available: false; readonly why: string };
/** What tells the runtimes of one cluster from those of others. */
export type RuntimeSettings = Pick<ClusterSettings, 'clusterCidr' | 'clusterId' | 'criEndpoint' | 'dataDir' | 'network'>;

/** What `keelson up` has to know of a runtime. */
export interface NodeRuntime {
  /** As people write it. */
  readonly title: string;
  /** `auto` does not try it. */
  readonly onlyIfNamed?: true;
  /** Whether it can be used on this machine now; if not, why and what to do. */
  available(options: Pick<ClusterOptions, 'criEndpoint'>): Promise<Availability>;
  /** Where pods reach this machine; the API server and the kubelet listen there. */
  nodeAddress(settings: RuntimeSettings): Promise<string>;
  /** Binds `CONTAINER_RUNTIME` for a node. */
  bind(container: Container, settings: RuntimeSettings, index: number): void;
  /** Opens it to remove what a cluster has left; `undefined` if there is nothing to ask. */
  reopen(settings: RuntimeSettings): Promise<ContainerRuntime | undefined>;
  /** Removes what belongs to no pod. */
  cleanUp?(settings: RuntimeSettings): Promise<void>;
}

/** By the names that `--runtime` knows; in the order in which `auto` tries them. */
export const NODE_RUNTIMES: Readonly<Record<RuntimeName, NodeRuntime>> = {
  docker: {
    title: 'Docker',
    async available() {
      const docker = await dockerAvailable();
      return docker.available ? docker : { available: false, why: `${docker.why}. Start it` };
    },
    nodeAddress: async (settings) => (settings.network === 'cni' ? nodeAddressByCni(settings) : dockerBridgeAddress()),
    bind: (container, settings) => {
      const network = { clock: container.get(CLOCK), logger: container.get(LOGGER), stateDir: networkDirectory(settings) };
      const podNetwork = settings.network === 'cni' ? new CniNetwork({ ...network, bridge: bridgeOf(settings) }) : undefined;
      container.load(dockerRuntimeModule({ cluster: settings.clusterId, ...(podNetwork && { podNetwork }) }));
    },
    async reopen(settings) {
      if (!(await dockerAvailable()).available) return undefined;
      const clock = new SystemClock();
      const stateDir = networkDirectory(settings);
      const podNetwork = existsSync(stateDir) ? new CniNetwork({ clock, stateDir, bridge: bridgeOf(settings) }) : undefined;
      return new DockerRuntime({ clock, cluster: settings.clusterId, ...(podNetwork && { podNetwork }) });
    },
    cleanUp: removeNetwork,
  },
  lxc: {
    title: 'LXC',
    async available() {
      const lxc = await lxcAvailable();
      if (!lxc.available) return { available: false, why: `${lxc.why}. Install it (lxc on Debian)` };
      const cni = cniAvailable();
      return cni.available ? cni : { available: false, why: `${cni.why}. Install them (containernetworking-plugins on Debian)` };
    },
    nodeAddress: nodeAddressByCni,
    bind: (container, settings) =>
      void container
        .bind(CONTAINER_RUNTIME)
        .toResolvedValue((clock: Clock, logger: Logger) => lxcRuntime(settings, clock, logger), [CLOCK, LOGGER])
        .inSingletonScope(),
    async reopen(settings) {
      if (!(await lxcAvailable()).available) return undefined;
      return lxcRuntime(settings, new SystemClock());
    },
    cleanUp: removeNetwork,
  },
  cri: {
    title: 'A CRI runtime',
    onlyIfNamed: true,
    async available({ criEndpoint }) {
      const cri = await criAvailable(criEndpoint);
      return cri.available ? cri : { available: false, why: `${cri.why}. Start it, or name its socket with --cri-endpoint` };
    },
    async nodeAddress(settings) {
      const cri = await criAvailable(settings.criEndpoint);
      return nodeAddressByCni(settings, cri.available ? cri.cniConfigDir : undefined);
    },
    bind: (container, settings) => {
      const { clusterId: cluster, criEndpoint: endpoint } = settings;
      const defaultNetwork = { bridge: bridgeOf(settings), stateDir: networkDirectory(settings) };
      container.load(criRuntimeModule({ cluster, endpoint, defaultNetwork }));
    },
    async reopen({ clusterId: cluster, criEndpoint: endpoint }) {
      if (!(await criAvailable(endpoint)).available) return undefined;
      return new CriRuntime({ clock: new SystemClock(), cluster, endpoint });
    },
    cleanUp: removeNetwork,
  },
  sim: {
    title: 'The simulated runtime',
    available: async () => ({ available: true }),
    nodeAddress: async () => LOOPBACK_ADDRESS,
    bind: (container, settings, index) => {
      const options = {
        podCidr: podCidrOf(settings, index),
        stateFile: join(settings.dataDir, 'sim', `${nodeNameOf(index)}.json`),
      };
      container
        .bind(CONTAINER_RUNTIME)
        .toResolvedValue((clock) => new SimulatedRuntime({ clock, ...options }), [CLOCK])
        .inSingletonScope();
    },
    reopen: async () => undefined,
  },
};

/** Binds the runtime of a node, which is several if that is asked for: those with other handlers are behind the main one. */
export function bindRuntimes(container: Container, settings: ClusterSettings, index: number): void {
  const made = (name: RuntimeName): ContainerRuntime => {
    const own = new Container({ parent: container });
    NODE_RUNTIMES[name].bind(own, settings, index);
    return own.get(CONTAINER_RUNTIME);
  };
  const { runtime, moreRuntimes } = settings;
  const main = made(runtime);
  const others = moreRuntimes.filter((name) => name !== runtime);
  const handlers = new Map([[runtime, main] as const, ...others.map((name) => [name, made(name)] as const)]);
  // A CRI runtime has handlers of its own.
  container.bind(CONTAINER_RUNTIME).toConstantValue(new RuntimeRouter({ main, handlers, passesOn: runtime === 'cri' }));
}

/** Where images for LXC are kept, and all else of it. */
export function lxcDirectory(dataDir: string): string {
  return join(dataDir, 'lxc');
}

function lxcRuntime(settings: RuntimeSettings, clock: Clock, logger?: Logger): LxcRuntime {
  const { clusterId, dataDir } = settings;
  const rootDir = lxcDirectory(dataDir);
  const common = { clock, ...(logger && { logger }) };
  const network = new CniNetwork({ ...common, stateDir: join(rootDir, 'network'), bridge: bridgeOf(settings) });
  const hostAddress = gatewayOf(podCidrOf(settings, 1));
  return new LxcRuntime({ ...common, network, rootDir, cgroupRoot: `keelson-${clusterId}`, hostAddress });
}

/** Where it is noted down which pod has which address, unless the runtime does that. */
function networkDirectory({ dataDir }: RuntimeSettings): string {
  return join(dataDir, 'network');
}

async function removeNetwork(settings: RuntimeSettings): Promise<void> {
  await removePodRoutes({ id: bridgeOf(settings) });
  await removeBridge(bridgeOf(settings));
}

/** Where pods find this machine: on their bridge, or at its own address where somebody else has configured their network. */
async function nodeAddressByCni(settings: RuntimeSettings, configDir: string = CNI_CONFIG_DIR): Promise<string> {
  const configured = await loadNetworkConfig(configDir);
  if (configured && configured.name !== 'keelson') return machineAddress() ?? LOOPBACK_ADDRESS;
  const range = podCidrOf(settings, 1);
  await makeBridge(bridgeOf(settings), range);
  return gatewayOf(range);
}

function machineAddress(): string | undefined {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  return all.find(({ family, internal }) => family === 'IPv4' && !internal)?.address;
}

/** The bridge of a cluster's pods. At most 15 characters. */
export function bridgeOf({ clusterId }: Pick<RuntimeSettings, 'clusterId'>): string {
  return `kl-${clusterId.slice(0, 10)}`;
}

/** Where pods on Docker's bridge find this machine. */
async function dockerBridgeAddress(): Promise<string> {
  const runtime = new DockerRuntime({ clock: new SystemClock() });
  try {
    const { hostAddress } = await runtime.info();
    return hostAddress ?? LOOPBACK_ADDRESS;
  } finally {
    await runtime.close();
  }
}
