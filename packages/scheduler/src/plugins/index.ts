import type { Clock } from '@keelson/base';
import type { Client } from '@keelson/client';
import type { Plugin } from '../framework.ts';
import type { StorageInformers } from '../storage-informers.ts';
import { defaultBinder } from './default-binder.ts';
import { imageLocality } from './image-locality.ts';
import { interPodAffinity, type NamespaceLabels } from './inter-pod-affinity.ts';
import { nodeAffinity } from './node-affinity.ts';
import { nodeName } from './node-name.ts';
import { nodePorts } from './node-ports.ts';
import { nodeResourcesBalancedAllocation, nodeResourcesFit } from './node-resources.ts';
import { nodeUnschedulable } from './node-unschedulable.ts';
import { podTopologySpread } from './pod-topology-spread.ts';
import { DefaultPreemption, type DefaultPreemptionDependencies } from './preemption/default-preemption.ts';
import { prioritySort } from './priority-sort.ts';
import { schedulingGates } from './scheduling-gates.ts';
import { taintToleration } from './taint-toleration.ts';
import { nodeVolumeLimits } from './volumes/node-volume-limits.ts';
import { VolumeBinding } from './volumes/volume-binding.ts';
import { volumeRestrictions } from './volumes/volume-restrictions.ts';
import { volumeZone } from './volumes/volume-zone.ts';

/** The plugins of the default profile, in upstream's order: cheap filters first. */
export function defaultPlugins(dependencies: {
  readonly client: Client;
  readonly clock: Clock;
  readonly namespaceLabels: NamespaceLabels;
  readonly storage: StorageInformers;
  readonly budgets: DefaultPreemptionDependencies['budgets'];
  readonly preempted?: DefaultPreemptionDependencies['preempted'];
}): readonly Plugin[] {
  const { storage } = dependencies;
  return [
    prioritySort,
    schedulingGates,
    nodeUnschedulable,
    nodeName,
    taintToleration,
    nodeAffinity,
    nodePorts,
    nodeResourcesFit,
    volumeRestrictions(storage),
    nodeVolumeLimits(storage),
    new VolumeBinding(dependencies),
    volumeZone(storage),
    podTopologySpread,
    interPodAffinity(dependencies.namespaceLabels),
    nodeResourcesBalancedAllocation,
    imageLocality,
    new DefaultPreemption(dependencies),
    defaultBinder(dependencies.client),
  ];
}
