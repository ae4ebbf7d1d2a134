import { findCondition, formatTime, isExtendedResource } from '@keelson/api';
import type { ContainerImage, NodeAddress, NodeCondition, NodeStatus, NodeSystemInfo } from '@keelson/api/core/v1';
import type { ImageStatus } from '@keelson/runtime';
import type { Pressure } from '../eviction/thresholds.ts';

export interface NodeStatusInput {
  /** What the API has. */
  readonly old: NodeStatus;
  readonly nowMs: number;
  readonly capacity: Readonly<Record<string, string>>;
  /** What of it pods may have. */
  readonly allocatable: Readonly<Record<string, string>>;
  readonly addresses: readonly NodeAddress[];
  readonly info: NodeSystemInfo;
  readonly images: readonly ImageStatus[];
  /** 0 if there is no server. */
  readonly port: number;
  /** Why pods cannot be run here now, if so. */
  readonly failure: string | undefined;
  readonly features: NodeFeatureSet;
  /** What the node is short of. */
  readonly pressures: ReadonlySet<Pressure>;
}

/** What a node can beyond what every node can. */
export interface NodeFeatureSet {
  readonly supplementalGroupsPolicy: boolean;
  readonly recursiveReadOnlyMounts: boolean;
  readonly userNamespaces: boolean;
}

const MAX_IMAGES = 50;
const MAX_NAMES = 5;

/** Pure: a node's status. Conditions of others are left alone, and what they have added to its capacity. */
export function nodeStatus(input: NodeStatusInput): NodeStatus {
  const { old, allocatable, capacity, addresses, features, info, images, port } = input;
  const { recursiveReadOnlyMounts, supplementalGroupsPolicy, userNamespaces } = features;
  const extended = extendedResources(old);
  return {
    capacity: { ...extended, ...capacity },
    allocatable: { ...extended, ...allocatable },
    conditions: conditions(input),
    addresses: addresses.map((address) => ({ ...address })),
    nodeInfo: info,
    images: imageList(images),
    features: { supplementalGroupsPolicy },
    runtimeHandlers: [{ name: '', features: { recursiveReadOnlyMounts, userNamespaces } }],
    ...(port > 0
      ? { daemonEndpoints: { kubeletEndpoint: { Port: port } } }
      : old.daemonEndpoints && { daemonEndpoints: old.daemonEndpoints }),
  };
}

/** What others have added to a node's capacity. Pods may have all of it. */
export function extendedResources({ capacity = {} }: Pick<NodeStatus, 'capacity'>): Record<string, string> {
  return Object.fromEntries(Object.entries(capacity).filter(([name]) => isExtendedResource(name)));
}

function conditions({ old, nowMs, failure, pressures }: NodeStatusInput): NodeCondition[] {
  const ready =
    failure === undefined
      ? { status: 'True', reason: 'KubeletReady', message: 'kubelet is posting ready status' }
      : { status: 'False', reason: 'KubeletNotReady', message: failure };
  const verdicts: Omit<NodeCondition, 'lastHeartbeatTime'>[] = [
    ...PRESSURES.map(([type, bad, good]) => {
      const [status, [reason, message]] = pressures.has(type) ? ['True', bad] : ['False', good];
      return { type, status, reason, message };
    }),
    { type: 'Ready', ...ready },
  ];
  return verdicts.map((verdict) => {
    const known = findCondition(old.conditions, verdict.type);
    const since = known?.status === verdict.status ? known.lastTransitionTime : undefined;
    return { ...verdict, lastHeartbeatTime: formatTime(nowMs), lastTransitionTime: since ?? formatTime(nowMs) };
  });
}

type Words = readonly [reason: string, message: string];

const PRESSURES: readonly (readonly [type: Pressure, bad: Words, good: Words])[] = [
  [
    'MemoryPressure',
    ['KubeletHasInsufficientMemory', 'kubelet has insufficient memory available'],
    ['KubeletHasSufficientMemory', 'kubelet has sufficient memory available'],
  ],
  [
    'DiskPressure',
    ['KubeletHasDiskPressure', 'kubelet has disk pressure'],
    ['KubeletHasNoDiskPressure', 'kubelet has no disk pressure'],
  ],
  [
    'PIDPressure',
    ['KubeletHasInsufficientPID', 'kubelet has insufficient PID available'],
    ['KubeletHasSufficientPID', 'kubelet has sufficient PID available'],
  ],
];

/** The largest ones. */
function imageList(images: readonly ImageStatus[]): ContainerImage[] {
  return [...images]
    .sort((a, b) => b.sizeBytes - a.sizeBytes)
    .slice(0, MAX_IMAGES)
    .map(({ repoDigests, repoTags, sizeBytes }) => ({ names: [...repoDigests, ...repoTags].slice(0, MAX_NAMES), sizeBytes }));
}

/** True if something other than heartbeats differs. */
export function differs(from: NodeStatus, to: NodeStatus): boolean {
  return JSON.stringify(withoutHeartbeats(from)) !== JSON.stringify(withoutHeartbeats(to));
}

function withoutHeartbeats({
  addresses,
  allocatable,
  capacity,
  conditions: all,
  daemonEndpoints,
  features,
  images,
  nodeInfo,
  runtimeHandlers,
}: NodeStatus): unknown {
  const own = ['MemoryPressure', 'DiskPressure', 'PIDPressure', 'Ready'].map((type) => {
    const { status, reason, message } = findCondition(all, type) ?? {};
    return [type, status, reason, message];
  });
  const sorted = (map: Readonly<Record<string, string>> | undefined) => Object.entries(map ?? {}).sort();
  const pictures = (images ?? []).map(({ names, sizeBytes }) => [names, sizeBytes]);
  const info = Object.entries(nodeInfo ?? {}).sort();
  const hosts = (addresses ?? []).map(({ type, address }) => [type, address]);
  return [
    hosts,
    sorted(allocatable),
    sorted(capacity),
    own,
    daemonEndpoints?.kubeletEndpoint?.Port,
    pictures,
    info,
    features,
    runtimeHandlers,
  ];
}

/** What to tell of a condition when it becomes true, and when it becomes false. */
const TURNS: readonly (readonly [type: string, whenTrue: string, whenFalse: string])[] = [
  ['MemoryPressure', 'NodeHasInsufficientMemory', 'NodeHasSufficientMemory'],
  ['DiskPressure', 'NodeHasDiskPressure', 'NodeHasNoDiskPressure'],
  ['PIDPressure', 'NodeHasInsufficientPID', 'NodeHasSufficientPID'],
  ['Ready', 'NodeReady', 'NodeNotReady'],
];

/** Pure: the reasons of the events that tell how a node's conditions have turned. */
export function turned(from: NodeStatus, to: NodeStatus): string[] {
  return TURNS.flatMap(([type, whenTrue, whenFalse]) => {
    const status = findCondition(to.conditions, type)?.status;
    if (status === undefined || status === findCondition(from.conditions, type)?.status) return [];
    return [status === 'True' ? whenTrue : whenFalse];
  });
}
