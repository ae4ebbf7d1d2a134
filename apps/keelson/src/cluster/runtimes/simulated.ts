import { join } from 'node:path';
import { CLOCK } from '@keelson/base';
import { CONTAINER_RUNTIME, SimulatedRuntime } from '@keelson/runtime';
import { rangesIn } from '../ranges.ts';
import type { NodeRuntime } from './node-runtime.ts';
import { NOWHERE } from './reachable.ts';

/** Pods in which nothing runs. */
export const simulatedNodes: NodeRuntime = {
  title: 'The simulated runtime',
  available: async () => ({ available: true }),
  reachable: async ({ clusterCidr }) => ({ ...NOWHERE, podRanges: rangesIn(clusterCidr) }),
  podRanges: async ({ clusterCidr }) => rangesIn(clusterCidr),
  bind: (container, settings, { name, podCidrs }) => {
    const options = {
      podCidr: podCidrs.length > 0 ? podCidrs.join(',') : 'unknown',
      stateFile: join(settings.dataDir, 'sim', `${name}.json`),
    };
    container
      .bind(CONTAINER_RUNTIME)
      .toResolvedValue((clock) => new SimulatedRuntime({ clock, ...options }), [CLOCK])
      .inSingletonScope();
  },
  reopen: async () => undefined,
};
