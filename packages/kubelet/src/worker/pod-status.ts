import { findCondition, formatTime } from '@keelson/api';
import type { Pod, PodCondition, PodStatus, ResourceRequirements } from '@keelson/api/core/v1';
import type { ContainerStatus as RuntimeContainer } from '@keelson/runtime';
import type { Rejection } from '../pod/admission.ts';
import { containerStatuses, type StatusInput, type WaitingReason } from '../pod/container-statuses.ts';
import { podConditions } from '../pod/pod-conditions.ts';
import { isSidecar, isTerminal } from '../pod/pod-facts.ts';
import { podPhase } from '../pod/pod-phase.ts';
import { qosClass } from '../pod/resources.ts';
import { restartTriggers } from '../pod/restart-all.ts';
import { readySandbox, type PodView } from '../pod/runtime-view.ts';

export interface PodStatusInput {
  /** With the newest status that is known of it. */
  readonly pod: Pod;
  readonly view: PodView;
  readonly nowMs: number;
  readonly runtimeName: string;
  readonly hostIps: readonly string[];
  readonly waiting: ReadonlyMap<string, WaitingReason>;
  /** Everything of the pod has been stopped for good. */
  readonly stopped: boolean;
  readonly probes: { isStarted(containerId: string): boolean; isReady(containerId: string): boolean };
  readonly readOnlyTrees: boolean;
  terminationMessage(container: RuntimeContainer): string | undefined;
  actualResources(containerId: string): ResourceRequirements | undefined;
  /** Of this moment alone: of a resize, say. */
  readonly passing?: readonly PodCondition[];
  /** Ends the pod whatever its containers say: refused, or too long alive. */
  readonly verdict?: Rejection | undefined;
}

export interface PodReport {
  readonly status: PodStatus;
  /** The pod has come to its end, or has to: its phase says so only when nothing of it runs any more. */
  readonly ended: boolean;
}

/** Pure: the whole of a pod's status, as far as it is a kubelet's. */
export function podStatus(input: PodStatusInput): PodReport {
  const { pod, view, nowMs, verdict } = input;
  const spec = pod.spec ?? { containers: [] };
  const old = pod.status ?? {};
  const waitReason = spec.initContainers?.length ? 'PodInitializing' : 'ContainerCreating';
  const init = containerStatuses(spec.initContainers ?? [], 'init', statusInput(input, old.initContainerStatuses, waitReason));
  const main = containerStatuses(spec.containers, 'main', statusInput(input, old.containerStatuses, waitReason));
  const ephemeral = containerStatuses(
    spec.ephemeralContainers ?? [],
    'ephemeral',
    statusInput(input, old.ephemeralContainerStatuses, waitReason),
  );
  const reached = verdict
    ? 'Failed'
    : podPhase({ spec, initStatuses: init, statuses: main, allStopped: input.stopped, previous: old.phase });
  const ended = isTerminal(reached);
  const isHeldBack = ended && !isTerminal(old.phase) && view.containers.some(({ state }) => state === 'running');
  const hasSandbox = readySandbox(view) !== undefined;
  const restartingAll = restartTriggers(pod, view).length > 0;
  const generation = pod.metadata?.generation;
  const status: PodStatus = {
    phase: isHeldBack ? (old.phase ?? 'Pending') : reached,
    ...reasonOf(old, isHeldBack ? undefined : verdict),
    ...addresses(input),
    startTime: old.startTime ?? formatTime(nowMs),
    ...(init.length > 0 && { initContainerStatuses: init }),
    ...(verdict && main.every((status) => status.state?.waiting) ? {} : { containerStatuses: main }),
    ...(ephemeral.length > 0 && { ephemeralContainerStatuses: ephemeral }),
    qosClass: qosClass(pod),
    conditions: [
      ...podConditions({ pod, phase: reached, initStatuses: init, statuses: main, hasSandbox, restartingAll, nowMs }),
      ...(ended ? [] : (input.passing ?? [])),
      ...disruption(input),
    ],
    ...(generation !== undefined && { observedGeneration: generation }),
  };
  return { status, ended };
}

/** That the pod was ended for the sake of others, and not by its own fault. */
function disruption({ nowMs, pod, verdict }: PodStatusInput): PodCondition[] {
  if (verdict?.disruption === undefined) return [];
  const type = 'DisruptionTarget';
  const old = findCondition(pod.status?.conditions, type);
  const lastTransitionTime = (old?.status === 'True' ? old.lastTransitionTime : undefined) ?? formatTime(nowMs);
  return [{ type, status: 'True', reason: 'TerminationByKubelet', message: verdict.disruption, lastTransitionTime }];
}

function reasonOf(old: PodStatus, verdict: PodStatusInput['verdict']): Pick<PodStatus, 'reason' | 'message'> {
  const { reason, message } = verdict ?? old;
  return { ...(reason !== undefined && { reason }), ...(message !== undefined && { message }) };
}

function statusInput(input: PodStatusInput, old: PodStatus['containerStatuses'], defaultReason: string): StatusInput {
  const { actualResources, pod, view, readOnlyTrees, runtimeName, waiting, stopped, probes, terminationMessage } = input;
  return {
    view,
    runtimeName,
    waiting,
    stopped,
    restartingAll: findCondition(pod.status?.conditions, 'AllContainersRestarting')?.status === 'True',
    readOnlyTrees,
    defaultReason,
    old: old ?? [],
    isStarted: (_container, id) => probes.isStarted(id),
    isReady: (_container, id) => probes.isReady(id),
    terminationMessage,
    actualResources,
  };
}

/** The address of a pod outlives its sandbox, so that one that has ended still says where it was. */
function addresses({ pod, view, hostIps }: PodStatusInput): PodStatus {
  const found = pod.spec?.hostNetwork ? hostIps : (readySandbox(view)?.ips ?? []);
  const known = pod.status?.podIPs ?? [];
  const podIPs = found.length > 0 ? found.map((ip) => ({ ip })) : known;
  const [first] = podIPs;
  return {
    ...(hostIps[0] !== undefined && { hostIP: hostIps[0], hostIPs: hostIps.map((ip) => ({ ip })) }),
    ...(first?.ip !== undefined && { podIP: first.ip, podIPs }),
  };
}

/** Names, in the order in which they start. */
export function sidecarsOf(pod: Pod): readonly string[] {
  return (pod.spec?.initContainers ?? []).filter(isSidecar).map(({ name }) => name);
}
