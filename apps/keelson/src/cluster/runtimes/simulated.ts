import { join } from 'node:path';
import { CLOCK } from '@keelson/base';
import { CONTAINER_RUNTIME, SimulatedRuntime } from '@keelson/runtime';
import { nodeNameOf } from '../node-name.ts';
import { podCidrsOf, rangesIn } from '../ranges.ts';
import type { NodeRuntime } from './node-runtime.ts';
import { NOWHERE } from './reachable.ts';

/** Pods in which nothing runs. */
export const simulatedNodes: NodeRuntime = {
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
};
