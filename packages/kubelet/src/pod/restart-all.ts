import { restartAction } from '@keelson/api';
import type { Container, Pod } from '@keelson/api/core/v1';
import type { ContainerStatus as RuntimeContainer } from '@keelson/runtime';
import { latestOf, type PodView } from './runtime-view.ts';

/** The action of a rule, and the reason of what becomes of containers that it is for. */
const RESTART_ALL = 'RestartAllContainers';
export const RESTARTING_ALL = 'RestartingAllContainers';
export const RESTARTING_ALL_MESSAGE = 'The container is removed because RestartAllContainers in place';

/** Those that start from the beginning: ephemeral ones run once. */
export function restartable({ spec }: Pod): readonly Container[] {
  return [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])];
}

/**
 * The containers whose end restarts all containers of the pod, in the same sandbox: all are killed and removed, and it starts from its first init
 * container. As long as one of these is there it is not done, so they have to be removed last; then no memory is needed of what was going on.
 */
export function restartTriggers(pod: Pod, view: PodView): readonly RuntimeContainer[] {
  if (pod.metadata?.deletionTimestamp !== undefined) return [];
  return restartable(pod).flatMap((container) => {
    const last = latestOf(view, container.name);
    return last?.state === 'exited' && restartAction(container, last.exitCode) === RESTART_ALL ? [last] : [];
  });
}
