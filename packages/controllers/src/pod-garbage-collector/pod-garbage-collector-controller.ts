import { Node, Pod } from '@keelson/api/core/v1';
import { everyMs, type Source } from '@keelson/controller-runtime';
import type { ControllerFactory } from '../controller-context.ts';
import { reconcilingController } from '../reconciling-controller.ts';
import { PodGarbageCollector } from './pod-garbage-collector.ts';

const PERIOD_MS = 20_000;
const ALL = [{ namespace: '', name: 'pods' }];

export interface PodGarbageCollectorOptions {
  /** Pods that have ended and may stay, in the whole cluster; 0 for all of them. Default 12,500. */
  readonly terminatedPodThreshold?: number;
}

/** Removes pods that have ended and are too many, those of nodes that are gone, and those that nobody has to end. */
export function podGarbageCollectorController(options: PodGarbageCollectorOptions = {}): ControllerFactory {
  const { terminatedPodThreshold = 12_500 } = options;
  return (context) => {
    const { client, clock, informers } = context;
    const pods = informers.for(Pod);
    const nodes = informers.for(Node);
    const reconciler = new PodGarbageCollector({ client, clock, pods, nodes, terminatedPodThreshold });
    const ticks = everyMs(clock, PERIOD_MS, () => ALL);
    const source: Source = {
      subscribe: (enqueue) => ticks.subscribe(enqueue),
      whenSynced: async (signal) => {
        await Promise.all([pods.whenSynced(signal), nodes.whenSynced(signal)]);
      },
    };
    return reconcilingController(context, { name: 'pod-garbage-collector-controller', reconciler, sources: [source] });
  };
}
