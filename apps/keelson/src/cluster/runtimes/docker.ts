import { existsSync } from 'node:fs';
import { CLOCK, LOGGER, SystemClock } from '@keelson/base';
import { CniNetwork } from '@keelson/runtime/cni';
import { dockerAvailable, DockerRuntime } from '@keelson/runtime-docker';
import { dockerRuntimeModule } from '@keelson/runtime-docker/module';
import type { Reachable } from '../component-context.ts';
import { bridgeOf, cleanUp, networkDirectory, ownOf, type NodeRuntime } from './node-runtime.ts';
import { interfaceAddresses } from '../own-address.ts';
import { NOWHERE, rangesByCni, reachableAt, reachableByCni } from './reachable.ts';

/** Pods on Docker, with its own network or by CNI. */
export const dockerNodes: NodeRuntime = {
  title: 'Docker',
  async available() {
    const docker = await dockerAvailable();
    return docker.available ? docker : { available: false, why: `${docker.why}. Start it` };
  },
  reachable: async (settings) => (settings.network === 'cni' ? reachableByCni(settings) : reachableByDocker()),
  podRanges: async (settings) => (settings.network === 'cni' ? rangesByCni(settings) : []),
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
};

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
