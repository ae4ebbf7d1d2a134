import { createHash } from 'node:crypto';
import { restartAction } from '@keelson/api';
import type { Container, Pod, PodSpec } from '@keelson/api/core/v1';
import type { ContainerStatus as RuntimeContainer } from '@keelson/runtime';

/** An init container that runs as long as the pod: `restartPolicy: Always`. */
export function isSidecar(container: Container): boolean {
  return container.restartPolicy === 'Always';
}

/** Whether a container is meant to end: an init container, one of a Job, or a command of a pod that is not always restarted. */
export function isTask(pod: Pod, container: Container): boolean {
  if (isSidecar(container)) return false;
  if (pod.spec?.initContainers?.some(({ name }) => name === container.name)) return true;
  if ((pod.spec?.restartPolicy ?? 'Always') === 'Always') return false;
  if (!pod.spec?.containers.some(({ name }) => name === container.name)) return false;
  const isJob = pod.metadata?.ownerReferences?.some(({ kind, controller }) => kind === 'Job' && controller === true) ?? false;
  return isJob || [...(container.command ?? []), ...(container.args ?? [])].length > 0;
}

export function isTerminal(phase: string | undefined): boolean {
  return phase === 'Succeeded' || phase === 'Failed';
}

/** All containers that the kubelet runs: init, main, ephemeral. */
export function allContainers(spec: PodSpec): readonly Container[] {
  return [...(spec.initContainers ?? []), ...spec.containers, ...(spec.ephemeralContainers ?? [])];
}

/** The policy that holds for one container. A sidecar is always restarted; an init container under Always only until it succeeds. */
export function shouldRestart(spec: PodSpec, container: Container, last: RuntimeContainer | undefined, isInit = false): boolean {
  if (last === undefined || last.state === 'created' || last.state === 'unknown') return true;
  if (last.state === 'running') return false;
  if (isSidecar(container)) return true;
  if (isRestartedByRule(container, last.exitCode)) return true;
  const policy = container.restartPolicy ?? spec.restartPolicy ?? 'Always';
  if (policy === 'Never') return false;
  if (policy === 'OnFailure' || isInit) return last.exitCode !== 0;
  return true;
}

/** Whether one of a container's own rules restarts it after this exit code, alone or with all others. */
function isRestartedByRule(container: Container, exitCode: number): boolean {
  const action = restartAction(container, exitCode);
  return action === 'Restart' || action === 'RestartAllContainers';
}

/** Whether an init container that has failed with this code is tried again. */
export function isRetried(spec: PodSpec, init: Container, exitCode: number): boolean {
  return isRestartedByRule(init, exitCode) || (init.restartPolicy ?? spec.restartPolicy) !== 'Never';
}

/** Tells whether a container must be made anew because its definition was changed. Only what may change in a running pod counts. */
export function containerHash(container: Container): string {
  return createHash('sha256')
    .update(JSON.stringify([container.name, container.image]))
    .digest('hex')
    .slice(0, 8);
}

export const LABELS = {
  podName: 'io.kubernetes.pod.name',
  podNamespace: 'io.kubernetes.pod.namespace',
  podUid: 'io.kubernetes.pod.uid',
  containerName: 'io.kubernetes.container.name',
  /** Several kubelets may share one runtime; each looks only at its own pods. */
  node: 'io.keelson.node',
} as const;

export const ANNOTATIONS = {
  /** The image as the pod names it; the runtime knows it by its id. */
  image: 'io.keelson.container.image',
  hash: 'io.kubernetes.container.hash',
  terminationMessagePath: 'io.kubernetes.container.terminationMessagePath',
} as const;
