import { join } from 'node:path';
import { CLOCK, LOGGER, SystemClock, type Clock, type Logger } from '@keelson/base';
import { CONTAINER_RUNTIME } from '@keelson/runtime';
import { cniAvailable, CniNetwork } from '@keelson/runtime/cni';
import { lxcAvailable, LxcRuntime } from '@keelson/runtime-lxc';
import { bridgeOf, cleanUp, ownOf, type NodeRuntime, type RuntimeSettings } from './node-runtime.ts';
import { rangesByCni, reachableByCni } from './reachable.ts';

/** Pods on system LXC, with networks by CNI. */
export const lxcNodes: NodeRuntime = {
  title: 'LXC',
  async available() {
    const lxc = await lxcAvailable();
    if (!lxc.available) return { available: false, why: `${lxc.why}. Install it (lxc on Debian)` };
    const cni = cniAvailable();
    return cni.available ? cni : { available: false, why: `${cni.why}. Install them (containernetworking-plugins on Debian)` };
  },
  reachable: (settings) => reachableByCni(settings),
  podRanges: (settings) => rangesByCni(settings),
  bind: (container, settings, { hostAddress }) =>
    void container
      .bind(CONTAINER_RUNTIME)
      .toResolvedValue((clock: Clock, logger: Logger) => lxcRuntime(settings, { clock, logger, hostAddress }), [CLOCK, LOGGER])
      .inSingletonScope(),
  async reopen(settings) {
    if (!(await lxcAvailable()).available) return undefined;
    return lxcRuntime(settings, { clock: new SystemClock() });
  },
  cleanUp,
};

/** Where images for LXC are kept, and all else of it. */
export function lxcDirectory(dataDir: string): string {
  return join(dataDir, 'lxc');
}

function lxcRuntime(
  settings: RuntimeSettings,
  { hostAddress, ...common }: { readonly clock: Clock; readonly logger?: Logger; readonly hostAddress?: string },
): LxcRuntime {
  const rootDir = lxcDirectory(settings.dataDir);
  const network = new CniNetwork({ ...common, stateDir: join(rootDir, 'network'), bridge: bridgeOf(settings) });
  const { cgroupRoot } = ownOf(settings);
  return new LxcRuntime({ ...common, network, rootDir, cgroupRoot, ...(hostAddress !== undefined && { hostAddress }) });
}
