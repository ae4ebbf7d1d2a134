import { join } from 'node:path';
import { CLOCK, LOGGER, SystemClock, type Clock, type Logger } from '@keelson/base';
import { CONTAINER_RUNTIME, SimulatedRuntime, type ContainerRuntime } from '@keelson/runtime';
import { cniAvailable, CniNetwork } from '@keelson/runtime/cni';
import { dockerAvailable, DockerRuntime } from '@keelson/runtime-docker';
import { dockerRuntimeModule } from '@keelson/runtime-docker/module';
import { lxcAvailable, LxcRuntime } from '@keelson/runtime-lxc';
import type { Container } from 'inversify';
import type { ClusterSettings, RuntimeName } from '../options.ts';
import { nodeNameOf, podCidrOf } from './node-name.ts';
import { gatewayOf, makeBridge, removeBridge } from './pod-bridge.ts';

export const LOOPBACK_ADDRESS = '127.0.0.1';

type Availability = { readonly available: true } | { readonly available: false; readonly why: string };
/** What tells the runtimes of one cluster from those of others. */
export type RuntimeSettings = Pick<ClusterSettings, 'clusterId' | 'dataDir'>;

/** What `keelson up` has to know of a runtime. */
export interface NodeRuntime {
  /** As people write it. */
  readonly title: string;
  /** Whether it can be used on this machine now; if not, why and what to do. */
  available(): Promise<Availability>;
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
    nodeAddress: dockerBridgeAddress,
    bind: (container, { clusterId }) => container.load(dockerRuntimeModule({ cluster: clusterId })),
    async reopen({ clusterId }) {
      if (!(await dockerAvailable()).available) return undefined;
      return new DockerRuntime({ clock: new SystemClock(), cluster: clusterId });
    },
  },
  lxc: {
    title: 'LXC',
    async available() {
      const lxc = await lxcAvailable();
      if (!lxc.available) return { available: false, why: `${lxc.why}. Install it (lxc on Debian)` };
      const cni = cniAvailable();
      return cni.available ? cni : { available: false, why: `${cni.why}. Install them (containernetworking-plugins on Debian)` };
    },
    async nodeAddress(settings) {
      const address = gatewayOf(podCidrOf(1));
      await makeBridge(bridgeOf(settings), podCidrOf(1));
      return address;
    },
    bind: (container, settings) =>
      void container
        .bind(CONTAINER_RUNTIME)
        .toResolvedValue((clock: Clock, logger: Logger) => lxcRuntime(settings, clock, logger), [CLOCK, LOGGER])
        .inSingletonScope(),
    async reopen(settings) {
      if (!(await lxcAvailable()).available) return undefined;
      return lxcRuntime(settings, new SystemClock());
    },
    cleanUp: (settings) => removeBridge(bridgeOf(settings)),
  },
  sim: {
    title: 'The simulated runtime',
    available: async () => ({ available: true }),
    nodeAddress: async () => LOOPBACK_ADDRESS,
    bind: (container, { dataDir }, index) => {
      const options = { podCidr: podCidrOf(index), stateFile: join(dataDir, 'sim', `${nodeNameOf(index)}.json`) };
      container
        .bind(CONTAINER_RUNTIME)
        .toResolvedValue((clock) => new SimulatedRuntime({ clock, ...options }), [CLOCK])
        .inSingletonScope();
    },
    reopen: async () => undefined,
  },
};

/** Where images for LXC are kept, and all else of it. */
export function lxcDirectory(dataDir: string): string {
  return join(dataDir, 'lxc');
}

function lxcRuntime(settings: RuntimeSettings, clock: Clock, logger?: Logger): LxcRuntime {
  const { clusterId, dataDir } = settings;
  const rootDir = lxcDirectory(dataDir);
  const common = { clock, ...(logger && { logger }) };
  const network = new CniNetwork({ ...common, stateDir: join(rootDir, 'network'), bridge: bridgeOf(settings) });
  const hostAddress = gatewayOf(podCidrOf(1));
  return new LxcRuntime({ ...common, network, rootDir, cgroupRoot: `keelson-${clusterId}`, hostAddress });
}

/** At most 15 characters. */
function bridgeOf({ clusterId }: RuntimeSettings): string {
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
