import type { ContainerConfig, PodIdentity, SandboxConfig } from '@keelson/runtime';

/** What a sandbox or container of ours is, kept in a label of it: everything a restarted kubelet has to know. */
export interface PodRecord {
  readonly pod: PodIdentity;
  readonly attempt: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** Of containers only. */
  readonly container?: {
    readonly name: string;
    readonly sandboxId: string;
    readonly image: string;
    readonly imageId: string;
  };
  /** Of sandboxes only: containers see each other's processes. */
  readonly sharesPids?: boolean;
}

/** On everything of ours: `sandbox` or `container`. */
export const KIND_LABEL = 'io.keelson.kind';
/** On everything of ours: the UID of the pod. */
export const POD_LABEL = 'io.keelson.pod';
/** On everything of ours: which cluster it belongs to; empty if that has no name. */
export const CLUSTER_LABEL = 'io.keelson.cluster';
/** On containers: the sandbox they run in. */
export const SANDBOX_LABEL = 'io.keelson.sandbox';
/** On sandboxes: where their containers have their cgroups. */
export const CGROUP_LABEL = 'io.keelson.cgroup';
const RECORD_LABEL = 'io.keelson.record';

type Labels = Readonly<Record<string, string>>;

export function sandboxLabels(config: SandboxConfig, cgroup: string): Labels {
  const { pod, attempt, labels, annotations, shareProcessNamespace: sharesPids } = config;
  const record: PodRecord = { pod, attempt, labels, annotations, sharesPids };
  return {
    ...plain(labels),
    [KIND_LABEL]: 'sandbox',
    [POD_LABEL]: pod.uid,
    [CGROUP_LABEL]: cgroup,
    [RECORD_LABEL]: JSON.stringify(record),
  };
}

export function containerLabels(
  pod: PodIdentity,
  { attempt, labels, annotations }: ContainerConfig,
  container: NonNullable<PodRecord['container']>,
): Labels {
  const record: PodRecord = { pod, attempt, labels, annotations, container };
  return {
    ...plain(labels),
    [KIND_LABEL]: 'container',
    [POD_LABEL]: pod.uid,
    [SANDBOX_LABEL]: container.sandboxId,
    [RECORD_LABEL]: JSON.stringify(record),
  };
}

/** `undefined` for what is not ours. */
export function recordOf(labels: Labels | undefined): PodRecord | undefined {
  const text = labels?.[RECORD_LABEL];
  try {
    // Written by the functions above, by this or an earlier version.
    return text === undefined ? undefined : (JSON.parse(text) as PodRecord);
  } catch {
    return undefined;
  }
}

/** Names as people know them from `docker ps` on a Kubernetes node. A name is taken once, and so there are no two of one attempt. */
export function sandboxName({ pod, attempt }: SandboxConfig): string {
  return dockerName(['k8s', 'POD', pod.name, pod.namespace, pod.uid, String(attempt)]);
}

export function containerName(pod: PodIdentity, { name, attempt }: ContainerConfig): string {
  return dockerName(['k8s', name, pod.name, pod.namespace, pod.uid, String(attempt)]);
}

function dockerName(parts: readonly string[]): string {
  return parts.map((part) => part.replaceAll(/[^a-zA-Z0-9.-]/g, '-')).join('_');
}

/** Kubernetes' labels and our own can be used in `docker ps --filter label=...`; a pod's other labels are only in the record. */
function plain(labels: Labels): Labels {
  return Object.fromEntries(Object.entries(labels).filter(([name]) => /^io\.(kubernetes|keelson)\./.test(name)));
}
