import { join } from 'node:path';
import type { Node, Pod } from '@keelson/api/core/v1';
import type { KubeletOptions } from '../options.ts';
import type { ProbeDependencies } from '../probes/probe-actions.ts';
import { ContainerStarter, type ContainerStarterDependencies } from './container-starter.ts';
import { PodKiller } from './pod-killer.ts';
import { PodResizer } from './pod-resizer.ts';
import { PodSyncer, type PodSyncerDependencies } from './pod-syncer.ts';

type Shared = Omit<ContainerStarterDependencies, 'probes' | 'clusterDomain' | 'seccompDir'> &
  Omit<PodSyncerDependencies, 'killer' | 'resizer' | 'starter' | 'sandbox' | 'hostIps' | 'probes'>;

export interface PodMachineryDependencies extends Shared {
  readonly probes: PodSyncerDependencies['probes'];
  /** How probes and hooks get to pods. */
  readonly reach: ProbeDependencies;
  readonly node: () => Pick<Node, 'metadata' | 'status'>;
  /** The pods that use the node beside one of them. */
  readonly others: (uid: string) => readonly Pod[];
}

/** What starts, resizes and ends the containers of pods, put together. */
export function podMachinery(
  deps: PodMachineryDependencies,
  { addresses, clusterDns = [], clusterDomain = 'cluster.local', nodeName, rootDir }: KubeletOptions,
): { readonly killer: PodKiller; readonly syncer: PodSyncer } {
  const killer = new PodKiller({ ...deps, probes: deps.reach });
  const starter = new ContainerStarter({ ...deps, probes: deps.reach, clusterDomain, seccompDir: join(rootDir, 'seccomp') });
  const resizer = new PodResizer(deps);
  const sandbox = { nodeName, clusterDns, clusterDomain };
  const syncer = new PodSyncer({ ...deps, killer, starter, resizer, sandbox, hostIps: hostIps(addresses) });
  return { killer, syncer };
}

function hostIps(addresses: KubeletOptions['addresses']): readonly string[] {
  if (!addresses) return ['127.0.0.1'];
  return addresses.filter(({ type }) => type === 'InternalIP').map(({ address }) => address);
}
