import { SystemClock } from '@keelson/base';
import { criAvailable, CriRuntime } from '@keelson/runtime-cri';
import { criRuntimeModule } from '@keelson/runtime-cri/module';
import { bridgeOf, cleanUp, networkDirectory, ownOf, type NodeRuntime } from './node-runtime.ts';
import { reachableByCni } from './reachable.ts';

/** Pods on a runtime that speaks CRI. */
export const criNodes: NodeRuntime = {
  title: 'A CRI runtime',
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
};
