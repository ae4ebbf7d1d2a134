import type { Pod } from '@keelson/api/core/v1';
import type { ContainerRuntime } from '@keelson/runtime';
import { restartable, restartTriggers } from '../pod/restart-all.ts';
import type { PodView } from '../pod/runtime-view.ts';
import type { ContainerStarter } from './container-starter.ts';
import type { PodKiller } from './pod-killer.ts';

export interface ContainerResetterDependencies {
  readonly runtime: ContainerRuntime;
  readonly killer: PodKiller;
  readonly starter: ContainerStarter;
}

/**
 * Takes all containers of a pod out of the runtime, so that they start from the beginning in the sandbox that is there: at once, without hooks.
 * Volumes stay. An ephemeral container ends too, and stays as it was left. May be cut off at any point, and done again. Gives what was removed.
 */
export async function resetContainers(
  pod: Pod,
  view: PodView,
  { killer, runtime, starter }: ContainerResetterDependencies,
  signal: AbortSignal,
): Promise<PodView['containers']> {
  const running = view.containers.filter(({ state }) => state === 'running' || state === 'unknown');
  await Promise.all(running.map((container) => killer.killContainer(pod, view, container, { graceSeconds: 0, signal })));
  const triggers = restartTriggers(pod, view);
  const names = new Set(restartable(pod).map(({ name }) => name));
  const others = view.containers.filter((container) => names.has(container.name) && !triggers.includes(container));
  for (const { name, finishedAtMs } of triggers) starter.noteEnd(pod, name, finishedAtMs);
  // As long as one of the triggers is there, whoever looks knows that this is not done.
  const removed = [...others, ...triggers];
  for (const { id } of removed) await runtime.removeContainer(id, signal);
  return removed;
}
