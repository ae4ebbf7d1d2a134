import type { ContainerStatus as RuntimeContainer, SandboxStatus } from '@keelson/runtime';

/** What the runtime has of one pod. */
export interface PodView {
  readonly uid: string;
  readonly name: string;
  readonly namespace: string;
  /** Newest first. */
  readonly sandboxes: readonly SandboxStatus[];
  /** In no order; several of one name are its attempts. */
  readonly containers: readonly RuntimeContainer[];
}

/** A pod of which the runtime has nothing. */
export function emptyView(pod: { readonly uid: string; readonly name: string; readonly namespace: string }): PodView {
  return { ...pod, sandboxes: [], containers: [] };
}

/** Sorts what the runtime lists by pod. */
export function groupByPod(sandboxes: readonly SandboxStatus[], containers: readonly RuntimeContainer[]): Map<string, PodView> {
  const parts = new Map<string, { sandboxes: SandboxStatus[]; containers: RuntimeContainer[]; view: PodView }>();
  const of = (pod: { uid: string; name: string; namespace: string }) => {
    const known = parts.get(pod.uid);
    if (known) return known;
    const made = { sandboxes: [] as SandboxStatus[], containers: [] as RuntimeContainer[] };
    const part = { ...made, view: { uid: pod.uid, name: pod.name, namespace: pod.namespace, ...made } };
    parts.set(pod.uid, part);
    return part;
  };
  for (const sandbox of sandboxes) of(sandbox.pod).sandboxes.push(sandbox);
  for (const container of containers) of(container.pod).containers.push(container);
  for (const part of parts.values()) part.sandboxes.sort((a, b) => b.attempt - a.attempt || b.createdAtMs - a.createdAtMs);
  return new Map([...parts].map(([uid, part]) => [uid, part.view]));
}

/** The attempts of one container, newest first. */
export function attemptsOf(view: PodView, name: string): readonly RuntimeContainer[] {
  return view.containers
    .filter((container) => container.name === name)
    .sort((a, b) => b.attempt - a.attempt || b.createdAtMs - a.createdAtMs);
}

export function latestOf(view: PodView, name: string): RuntimeContainer | undefined {
  return attemptsOf(view, name)[0];
}

/** The newest sandbox, if it is usable. */
export function readySandbox(view: PodView): SandboxStatus | undefined {
  const newest = view.sandboxes[0];
  return newest?.state === 'ready' ? newest : undefined;
}

/** Changes whenever something that a kubelet acts on does. */
export function fingerprint(view: PodView): string {
  const sandboxes = view.sandboxes.map((sandbox) => `${sandbox.id}:${sandbox.state}:${sandbox.ips.join()}`);
  const containers = view.containers.map(
    (container) => `${container.id}:${container.state}:${container.exitCode}:${container.reason}`,
  );
  return [...sandboxes, '|', ...containers.sort()].join(' ');
}
