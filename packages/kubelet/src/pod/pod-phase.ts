import type { ContainerStateTerminated, ContainerStatus, PodSpec } from '@keelson/api/core/v1';
import { isContainerRestarted } from '@keelson/api';
import { isRetried, isSidecar, isTerminal } from './pod-facts.ts';
import { RESTARTING_ALL } from './restart-all.ts';

export type PodPhase = 'Pending' | 'Running' | 'Succeeded' | 'Failed';

export interface PhaseInput {
  readonly spec: PodSpec;
  readonly initStatuses: readonly ContainerStatus[];
  readonly statuses: readonly ContainerStatus[];
  /** True once every container has ended for good and nothing of the pod runs any more. */
  readonly allStopped: boolean;
  /** What the phase was. A terminal one never changes. */
  readonly previous?: string | undefined;
}

/**
 * The phase that follows from the containers' states. A container that waits after having ended (in back-off, say) counts as stopped, so
 * that a crashing pod under `Always` is `Running`: back-off is the waiting reason of a container and never a phase.
 */
export function podPhase(input: PhaseInput): PodPhase {
  const { spec, statuses, previous, allStopped } = input;
  if (isTerminal(previous)) return previous === 'Failed' ? 'Failed' : 'Succeeded';
  const init = countInit(spec, input.initStatuses);
  const main = countMain(spec, statuses);
  const running = main.running + init.sidecarsRunning;
  if (init.failedForGood > 0) return 'Failed';
  const hasBegun = main.running + main.stopped > 0;
  if (!hasBegun && (init.pending > 0 || init.failed > 0 || init.sidecarsPending > 0)) return allStopped ? 'Failed' : 'Pending';
  if (main.waiting > 0) return 'Pending';
  if (main.unknown > 0) return 'Pending';
  if (running > 0) return 'Running'; // A sidecar outlives the main containers by a moment; the pod ends with it.
  if (main.stopped > 0) return phaseOfStopped(main, allStopped);
  return 'Pending';
}

function phaseOfStopped({ stopped, succeeded, toRestart }: Counts, allStopped: boolean): PodPhase {
  if (toRestart > 0 && !allStopped) return 'Running';
  return stopped === succeeded ? 'Succeeded' : 'Failed';
}

interface Counts {
  running: number;
  waiting: number;
  stopped: number;
  succeeded: number;
  /** Of those that have stopped: they will be started again. */
  toRestart: number;
  unknown: number;
}

function countMain(spec: PodSpec, statuses: readonly ContainerStatus[]): Counts {
  const counts: Counts = { running: 0, waiting: 0, stopped: 0, succeeded: 0, toRestart: 0, unknown: 0 };
  for (const container of spec.containers) {
    const status = statuses.find((each) => each.name === container.name);
    const state = status?.state;
    const end = endOf(status);
    if (state?.running) counts.running += 1;
    else if (end) countEnd(counts, end.exitCode, isContainerRestarted(spec, container, end.exitCode));
    else if (state?.waiting) counts.waiting += 1;
    else counts.unknown += 1;
  }
  return counts;
}

/** How a container has ended, if it does not run. One that was taken out to start from the beginning has not begun. */
function endOf({ state, lastState }: Partial<ContainerStatus> = {}): ContainerStateTerminated | undefined {
  if (state?.terminated || !state?.waiting) return state?.terminated;
  return lastState?.terminated?.reason === RESTARTING_ALL ? undefined : lastState?.terminated;
}

function countEnd(counts: Counts, exitCode: number, isToRestart: boolean): void {
  counts.stopped += 1;
  if (exitCode === 0) counts.succeeded += 1;
  if (isToRestart) counts.toRestart += 1;
}

function countInit(
  spec: PodSpec,
  statuses: readonly ContainerStatus[],
): { pending: number; failed: number; failedForGood: number; sidecarsPending: number; sidecarsRunning: number } {
  const counts = { pending: 0, failed: 0, failedForGood: 0, sidecarsPending: 0, sidecarsRunning: 0 };
  for (const init of spec.initContainers ?? []) {
    const status = statuses.find((each) => each.name === init.name);
    if (isSidecar(init)) {
      const isUp = status?.state?.running !== undefined && status.started === true;
      const end = status?.state?.terminated ?? status?.lastState?.terminated;
      const hasRun = end !== undefined && end.reason !== RESTARTING_ALL;
      if (!isUp && !hasRun) counts.sidecarsPending += 1;
      if (status?.state?.running) counts.sidecarsRunning += 1;
      continue;
    }
    const end = endOf(status);
    if (!end) counts.pending += 1;
    else if (end.exitCode !== 0) {
      counts.failed += 1;
      if (!isRetried(spec, init, end.exitCode)) counts.failedForGood += 1;
    }
  }
  return counts;
}
