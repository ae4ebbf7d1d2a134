import { existsSync } from 'node:fs';
import { networkInterfaces, type NetworkInterfaceInfo } from 'node:os';
import { join } from 'node:path';
import type { IpFamily } from '@keelson/api';
import { CLOCK, LOGGER, SystemClock, type Clock, type Logger } from '@keelson/base';
import { removePodRoutes } from '@keelson/proxy';
import { CONTAINER_RUNTIME, removeCgroupTree, RuntimeRouter, SimulatedRuntime, type ContainerRuntime } from '@keelson/runtime';
import { CNI_CONFIG_DIR, cniAvailable, CniNetwork, loadNetworkConfig } from '@keelson/runtime/cni';
import { criAvailable, CriRuntime } from '@keelson/runtime-cri';
import { criRuntimeModule } from '@keelson/runtime-cri/module';
import { dockerAvailable, DockerRuntime } from '@keelson/runtime-docker';
import { dockerRuntimeModule } from '@keelson/runtime-docker/module';
import { lxcAvailable, LxcRuntime } from '@keelson/runtime-lxc';
import { Container } from 'inversify';
import type { ClusterOptions, ClusterSettings, RuntimeName } from '../options.ts';
import type { Reachable } from './component-context.ts';
import { nodeNameOf } from './node-name.ts';
import { makeBridge, removeBridge } from './pod-bridge.ts';
import { familiesOf, gatewayOf, podCidrsOf, rangesIn } from './ranges.ts';

export const LOOPBACK_ADDRESS = '127.0.0.1';
/** Where the machine is nowhere to be reached by pods, and where they are is not known. */
const NOWHERE: Reachable = { nodeAddress: LOOPBACK_ADDRESS, nodeAddresses: [LOOPBACK_ADDRESS], podRanges: [] };

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
  /** Where pods will be, and where they reach this machine: the API server and the kubelet listen there. Makes what is not there yet. */
  reachable(settings: RuntimeSettings): Promise<Reachable>;
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
    reachable: async (settings) => (settings.network === 'cni' ? reachableByCni(settings) : reachableByDocker()),
    bind: (container, settings) => {
      const network = { clock: container.get(CLOCK), logger: container.get(LOGGER), stateDir: networkDirectory(settings) };
      const podNetwork = settings.network === 'cni' ? new CniNetwork({ ...network, bridge: bridgeOf(settings) }) : undefined;
      container.load(dockerRuntimeModule({ ...ownOf(settings), ...(podNetwork && { podNetwork }) }));
    },
    async reopen(settings) {
      if (!(await dockerAvailable()).available) return undefined;
      const clock = new SystemClock();
      const stateDir = networkDirectory(settings);
      const podNetwork = existsSync(stateDir) ? new CniNetwork({ clock, stateDir, bridge: bridgeOf(settings) }) : undefined;
      return new DockerRuntime({ clock, ...ownOf(settings), ...(podNetwork && { podNetwork }) });
    },
    cleanUp,
  },
  lxc: {
    title: 'LXC',
    async available() {
      const lxc = await lxcAvailable();
      if (!lxc.available) return { available: false, why: `${lxc.why}. Install it (lxc on Debian)` };
      const cni = cniAvailable();
      return cni.available ? cni : { available: false, why: `${cni.why}. Install them (containernetworking-plugins on Debian)` };
    },
    reachable: (settings) => reachableByCni(settings),
    bind: (container, settings) =>
      void container
        .bind(CONTAINER_RUNTIME)
        .toResolvedValue((clock: Clock, logger: Logger) => lxcRuntime(settings, clock, logger), [CLOCK, LOGGER])
        .inSingletonScope(),
    async reopen(settings) {
      if (!(await lxcAvailable()).available) return undefined;
      return lxcRuntime(settings, new SystemClock());
    },
    cleanUp,
  },
  cri: {
    title: 'A CRI runtime',
    onlyIfNamed: true,
    async available({ criEndpoint }) {
      const cri = await criAvailable(criEndpoint);
      return cri.available ? cri : { available: false, why: `${cri.why}. Start it, or name its socket with --cri-endpoint` };
    },
    async reachable(settings) {
      const cri = await criAvailable(settings.criEndpoint);
      return reachableByCni(settings, cri.available ? cri.cniConfigDir : undefined);
    },
    bind: (container, settings) => {
      const { criEndpoint: endpoint } = settings;
      const defaultNetwork = { bridge: bridgeOf(settings), stateDir: networkDirectory(settings) };
      container.load(criRuntimeModule({ ...ownOf(settings), endpoint, defaultNetwork }));
    },
    async reopen(settings) {
      const { criEndpoint: endpoint } = settings;
      if (!(await criAvailable(endpoint)).available) return undefined;
      return new CriRuntime({ clock: new SystemClock(), ...ownOf(settings), endpoint });
    },
    cleanUp,
  },
  sim: {
    title: 'The simulated runtime',
    available: async () => ({ available: true }),
    reachable: async ({ clusterCidr }) => ({ ...NOWHERE, podRanges: rangesIn(clusterCidr) }),
    bind: (container, settings, index) => {
      const options = {
        podCidr: podCidrsOf(settings, index).join(','),
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
  const { dataDir } = settings;
  const rootDir = lxcDirectory(dataDir);
  const common = { clock, ...(logger && { logger }) };
  const network = new CniNetwork({ ...common, stateDir: join(rootDir, 'network'), bridge: bridgeOf(settings) });
  const hostAddress = gatewayOf(podCidrsOf(settings, 1)[0] ?? '');
  return new LxcRuntime({ ...common, network, rootDir, cgroupRoot: ownOf(settings).cgroupRoot, hostAddress });
}

/** Where it is noted down which pod has which address, unless the runtime does that. */
function networkDirectory({ dataDir }: RuntimeSettings): string {
  return join(dataDir, 'network');
}

async function cleanUp(settings: RuntimeSettings): Promise<void> {
  await removePodRoutes({ id: bridgeOf(settings) });
  await removeBridge(bridgeOf(settings));
  await removeCgroupTree(ownOf(settings).cgroupRoot);
}

/** What tells its pods from those of other clusters on this machine. */
function ownOf({ clusterId }: RuntimeSettings): { readonly cluster: string; readonly cgroupRoot: string } {
  return { cluster: clusterId, cgroupRoot: `keelson-${clusterId}` };
}

/** Where pods find this machine: on their bridge, or at its own address where somebody else has configured their network. */
async function reachableByCni(settings: RuntimeSettings, configDir: string = CNI_CONFIG_DIR): Promise<Reachable> {
  const configured = await loadNetworkConfig(configDir);
  const isOurs = !configured || configured.name === 'keelson';
  if (!isOurs)
    return reachableAt(
      familiesOf(settings.clusterCidr).flatMap((family) => machineAddress(family) ?? []),
      [],
    );
  const ranges = podCidrsOf(settings, 1);
  await makeBridge(bridgeOf(settings), ranges);
  return reachableAt(ranges.map(gatewayOf), rangesIn(settings.clusterCidr));
}

function reachableAt(nodeAddresses: readonly string[], podRanges: readonly string[]): Reachable {
  const [nodeAddress] = nodeAddresses;
  return nodeAddress === undefined ? { ...NOWHERE, podRanges } : { nodeAddress, nodeAddresses, podRanges };
}

/** One that other machines may know: none of the loopback, and of IPv6 none of a single link. */
function machineAddress(wanted: IpFamily): string | undefined {
  return interfaceAddresses().find(
    ({ family, internal, address }) => family === wanted && !internal && !address.startsWith('fe80:'),
  )?.address;
}

function interfaceAddresses(): readonly NetworkInterfaceInfo[] {
  return Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
}

/** The bridge of a cluster's pods. At most 15 characters. */
export function bridgeOf({ clusterId }: Pick<RuntimeSettings, 'clusterId'>): string {
  return `kl-${clusterId.slice(0, 10)}`;
}

/** Pods on Docker's bridge are in the network of the address that this machine has on it. */
async function reachableByDocker(): Promise<Reachable> {
  const runtime = new DockerRuntime({ clock: new SystemClock() });
  try {
    const { hostAddress } = await runtime.info();
    if (hostAddress === undefined) return NOWHERE;
    const bridge = interfaceAddresses().find(({ address }) => address === hostAddress);
    return reachableAt([hostAddress], bridge?.cidr ? [bridge.cidr] : []);
  } finally {
    await runtime.close();
  }
}
