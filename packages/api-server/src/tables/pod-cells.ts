import { humanDuration, isPodTerminal, isSidecar } from '@keelson/api';
import type { ContainerStatus, Pod, PodStatus } from '@keelson/api/core/v1';
import { isConditionTrue, NONE, timeOf, type Cell } from './cell.ts';

/** What the columns of a pod are made of. */
interface PodSummary {
  ready: number;
  total: number;
  reason: string;
  restarts: number;
  /** When a container last ended before it was started again; 0 for never. */
  lastRestartMs: number;
}

let summarized: { readonly pod: Pod; readonly summary: PodSummary } | undefined;

/** Three columns of a row want the same; so the last one is kept. */
function summaryOf(pod: Pod): PodSummary {
  if (summarized?.pod !== pod) summarized = { pod, summary: summarize(pod) };
  return summarized.summary;
}

function summarize(pod: Pod): PodSummary {
  const status = pod.status ?? {};
  const sidecars = sidecarsOf(pod);
  const summary: PodSummary = {
    ready: 0,
    total: (pod.spec?.containers?.length ?? 0) + sidecars.size,
    reason: phaseReason(status),
    restarts: 0,
    lastRestartMs: 0,
  };
  const ofSidecars: PodSummary = { ...summary };
  const isInitializing = addInitContainers(pod, sidecars, { summary, ofSidecars });
  if (!isInitializing || isConditionTrue(status.conditions, 'Initialized')) {
    summary.restarts = ofSidecars.restarts;
    summary.lastRestartMs = ofSidecars.lastRestartMs;
    addContainers(status, summary);
  }
  summary.reason = reasonWhenDeleted(pod, summary.reason);
  return summary;
}

const NO_SIDECARS: ReadonlySet<string> = new Set();

function sidecarsOf({ spec }: Pod): ReadonlySet<string> {
  if (!spec?.initContainers) return NO_SIDECARS;
  return new Set(spec.initContainers.filter(isSidecar).map(({ name }) => name));
}

function phaseReason({ phase, reason, conditions }: PodStatus): string {
  const isGated = conditions?.some((condition) => condition.type === 'PodScheduled' && condition.reason === 'SchedulingGated');
  return isGated ? 'SchedulingGated' : reason || phase || '';
}

/** True if one of the init containers is still to be done; the reason then says which. */
function addInitContainers(
  pod: Pod,
  sidecars: ReadonlySet<string>,
  { summary, ofSidecars }: { readonly summary: PodSummary; readonly ofSidecars: PodSummary },
): boolean {
  const statuses = pod.status?.initContainerStatuses ?? [];
  for (const [at, container] of statuses.entries()) {
    const isSidecarStatus = sidecars.has(container.name);
    addRestarts(container, summary);
    if (isSidecarStatus) addRestarts(container, ofSidecars);
    if (container.state?.terminated?.exitCode === 0) continue;
    if (isSidecarStatus && container.started === true) {
      if (container.ready) summary.ready += 1;
      continue;
    }
    summary.reason = initReason(container, `${at}/${pod.spec?.initContainers?.length ?? 0}`);
    return true;
  }
  return false;
}

function initReason({ state }: ContainerStatus, progress: string): string {
  if (state?.terminated) return `Init:${terminatedReason(state.terminated)}`;
  const waiting = state?.waiting?.reason;
  return waiting && waiting !== 'PodInitializing' ? `Init:${waiting}` : `Init:${progress}`;
}

function terminatedReason({
  reason,
  signal,
  exitCode,
}: {
  reason?: string | undefined;
  signal?: number | undefined;
  exitCode?: number;
}) {
  return reason || (signal ? `Signal:${signal}` : `ExitCode:${exitCode ?? 0}`);
}

function addRestarts(container: ContainerStatus, summary: PodSummary): void {
  summary.restarts += container.restartCount ?? 0;
  const finishedAt = container.lastState?.terminated?.finishedAt;
  if (finishedAt) summary.lastRestartMs = Math.max(summary.lastRestartMs, timeOf(finishedAt) ?? 0);
}

/** The first container that waits or has ended gives the reason, so they are taken last to first. */
function addContainers(status: PodStatus, summary: PodSummary): void {
  const statuses = status.containerStatuses ?? [];
  let hasRunning = false;
  for (let at = statuses.length - 1; at >= 0; at -= 1) {
    const container = statuses[at];
    if (!container) continue;
    addRestarts(container, summary);
    const { waiting, terminated, running } = container.state ?? {};
    if (waiting?.reason) summary.reason = waiting.reason;
    else if (terminated) summary.reason = terminatedReason(terminated);
    else if (container.ready && running) {
      hasRunning = true;
      summary.ready += 1;
    }
  }
  if (summary.reason === 'Completed' && hasRunning) {
    summary.reason = isConditionTrue(status.conditions, 'Ready') ? 'Running' : 'NotReady';
  }
}

function reasonWhenDeleted(pod: Pod, reason: string): string {
  if (!pod.metadata?.deletionTimestamp) return reason;
  if (pod.status?.reason === 'NodeLost') return 'Unknown';
  return isPodTerminal(pod) ? reason : 'Terminating';
}

function podRestarts(pod: Pod, nowMs: number): string {
  const { restarts, lastRestartMs } = summaryOf(pod);
  return restarts === 0 || lastRestartMs === 0 ? `${restarts}` : `${restarts} (${humanDuration(nowMs - lastRestartMs)} ago)`;
}

function podReadinessGates(pod: Pod): string {
  const gates = pod.spec?.readinessGates ?? [];
  if (gates.length === 0) return NONE;
  return `${gates.filter((gate) => isConditionTrue(pod.status?.conditions, gate.conditionType)).length}/${gates.length}`;
}

export const POD_CELLS: Readonly<Record<string, Cell>> = {
  podReady(pod: Pod) {
    const { ready, total } = summaryOf(pod);
    return `${ready}/${total}`;
  },
  podStatus: (pod: Pod) => summaryOf(pod).reason,
  podRestarts,
  podReadinessGates,
};
