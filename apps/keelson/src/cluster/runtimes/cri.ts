import { SystemClock } from '@keelson/base';
import { criAvailable, CriRuntime } from '@keelson/runtime-cri';
import { criRuntimeModule } from '@keelson/runtime-cri/module';
import { bridgeOf, cleanUp, networkDirectory, ownOf, type NodeRuntime, type RuntimeSettings } from './node-runtime.ts';
import { rangesByCni, reachableByCni } from './reachable.ts';

/** Pods on a runtime that speaks CRI. */
export const criNodes: NodeRuntime = {
  title: 'A CRI runtime',
  async available({ criEndpoint }) {
    const cri = await criAvailable(criEndpoint);
    return cri.available ? cri : { available: false, why: `${cri.why}. Start it, or name its socket with --cri-endpoint` };
  },
  reachable: async (settings) => reachableByCni(settings, await configDirOf(settings)),
  podRanges: async (settings) => rangesByCni(settings, await configDirOf(settings)),
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
};

async function configDirOf({ criEndpoint }: RuntimeSettings): Promise<string | undefined> {
  const cri = await criAvailable(criEndpoint);
  return cri.available ? cri.cniConfigDir : undefined;
}
