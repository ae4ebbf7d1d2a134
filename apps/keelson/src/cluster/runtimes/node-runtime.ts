import { join } from 'node:path';
import { removePodRoutes } from '@keelson/proxy';
import { removeCgroupTree, type ContainerRuntime } from '@keelson/runtime';
import type { Container } from 'inversify';
import type { ClusterOptions, ClusterSettings } from '../../options.ts';
import type { Reachable } from '../component-context.ts';
import { removeBridge } from '../pod-bridge.ts';

type Availability = { readonly available: true } | { readonly available: false; readonly why: string };
/** What tells the runtimes of one cluster from those of others. */
export type RuntimeSettings = Pick<ClusterSettings, 'clusterCidr' | 'clusterId' | 'criEndpoint' | 'dataDir' | 'network'>;

/** What a runtime has to know of its node. */
export interface NodePlace {
  readonly name: string;
  /** Where its pods get their addresses; none if that is not known before the API says. */
  readonly podCidrs: readonly string[];
  /** Where they reach it. */
  readonly hostAddress: string;
}

/** What `keelson up` has to know of a runtime. */
export interface NodeRuntime {
  /** As people write it. */
  readonly title: string;
  /** Whether it can be used on this machine now; if not, why and what to do. */
  available(options: Pick<ClusterOptions, 'criEndpoint'>): Promise<Availability>;
  /** Where pods will be, and where they reach this machine: the API server and the kubelet listen there. Makes what is not there yet. */
  reachable(settings: RuntimeSettings): Promise<Reachable>;
  /** Where all pods of the cluster are, on a machine that is reached at its own address; nowhere in particular if others decide on that. */
  podRanges(settings: RuntimeSettings): Promise<readonly string[]>;
  /** Binds `CONTAINER_RUNTIME` for a node. */
  bind(container: Container, settings: RuntimeSettings, node: NodePlace): void;
  /** Opens it to remove what a cluster has left; `undefined` if there is nothing to ask. */
  reopen(settings: RuntimeSettings): Promise<ContainerRuntime | undefined>;
  /** Removes what belongs to no pod. */
  cleanUp?(settings: RuntimeSettings): Promise<void>;
}

/** Removes the routes, the bridge and the cgroups of a cluster's pods. */
export async function cleanUp(settings: RuntimeSettings): Promise<void> {
  await removePodRoutes({ id: bridgeOf(settings) });
  await removeBridge(bridgeOf(settings));
  await removeCgroupTree(ownOf(settings).cgroupRoot);
}

/** What tells its pods from those of other clusters on this machine. */
export function ownOf({ clusterId }: RuntimeSettings): { readonly cluster: string; readonly cgroupRoot: string } {
  return { cluster: clusterId, cgroupRoot: `keelson-${clusterId}` };
}

/** The bridge of a cluster's pods. At most 15 characters. */
export function bridgeOf({ clusterId }: Pick<RuntimeSettings, 'clusterId'>): string {
  return `kl-${clusterId.slice(0, 10)}`;
}

/** Where it is noted down which pod has which address, unless the runtime does that. */
export function networkDirectory({ dataDir }: RuntimeSettings): string {
  return join(dataDir, 'network');
}
