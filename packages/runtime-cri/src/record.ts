import type { PodIdentity, SandboxConfig } from '@keelson/runtime';

/** What is known of a sandbox when it is made, and needed when containers are made in it, perhaps by another process. */
export type SandboxRecord = Omit<SandboxConfig, 'labels' | 'annotations'>;

/** What the runtime does not tell of a container. */
export interface ContainerRecord {
  readonly pod: PodIdentity;
  readonly sandboxId: string;
  /** As it was asked for. */
  readonly image: string;
  readonly tty: boolean;
  readonly stdin: boolean;
}

const OWN = 'io.keelson.cri.';
/** On everything of ours: the UID of the pod. */
const POD_LABEL = `${OWN}pod`;
/** On everything of ours: which cluster it belongs to; empty if that has no name. */
const CLUSTER_LABEL = `${OWN}cluster`;
/** An annotation of everything of ours. */
const RECORD = `${OWN}record`;

type Texts = Readonly<Record<string, string>>;

export function labelsOf(pod: PodIdentity, cluster: string, labels: Texts): Texts {
  return { ...labels, [POD_LABEL]: pod.uid, [CLUSTER_LABEL]: cluster };
}

/** Which labels all things of one pod have; those of a cluster, if no pod is named. */
export function selectorOf(cluster: string, podUid: string | undefined): Texts {
  return { [CLUSTER_LABEL]: cluster, ...(podUid !== undefined && { [POD_LABEL]: podUid }) };
}

/** Which pod something belongs to. */
export function podUidOf(labels: Texts): string {
  return labels[POD_LABEL] ?? '';
}

export function annotationsOf(record: SandboxRecord | ContainerRecord, annotations: Texts): Texts {
  return { ...annotations, [RECORD]: JSON.stringify(record) };
}

/** `undefined` for what is not ours. `R` is as `annotationsOf` was given it. */
export function recordOf<R extends SandboxRecord | ContainerRecord>(annotations: Texts): R | undefined {
  const text = annotations[RECORD];
  try {
    // Written by `annotationsOf`, of this or an earlier version.
    return text === undefined ? undefined : (JSON.parse(text) as R);
  } catch {
    return undefined;
  }
}

/** Labels or annotations as they were given. */
export function withoutOwn(texts: Texts): Texts {
  return Object.fromEntries(Object.entries(texts).filter(([name]) => !name.startsWith(OWN)));
}
