import { couldRestartAll, findCondition, formatTime } from '@keelson/api';
import type { Container, ContainerStatus, Pod, PodCondition } from '@keelson/api/core/v1';
import { isSidecar } from './pod-facts.ts';
import type { PodPhase } from './pod-phase.ts';

/** The conditions that a kubelet writes. All others belong to somebody else. */
export const OWN_CONDITIONS: readonly string[] = [
  'PodReadyToStartContainers',
  'Initialized',
  'Ready',
  'ContainersReady',
  'PodScheduled',
  'AllContainersRestarting',
  'PodResizePending',
  'PodResizeInProgress',
];

/** Of these: they go when there is nothing to say any more. */
export const PASSING_CONDITIONS: readonly string[] = ['PodResizePending', 'PodResizeInProgress'];

export interface ConditionInput {
  readonly pod: Pod;
  readonly phase: PodPhase;
  readonly initStatuses: readonly ContainerStatus[];
  readonly statuses: readonly ContainerStatus[];
  readonly hasSandbox: boolean;
  /** The end of one container restarts all, which is being done. */
  readonly restartingAll: boolean;
  readonly nowMs: number;
}

type Verdict = Pick<PodCondition, 'status' | 'reason' | 'message'>;

/** Pure: the kubelet's own conditions. `lastTransitionTime` moves only when a status does. */
export function podConditions(input: ConditionInput): PodCondition[] {
  const { pod, nowMs } = input;
  const containersReady = containersReadiness(input);
  const verdicts: [string, Verdict][] = [
    ['PodReadyToStartContainers', { status: input.hasSandbox ? 'True' : 'False' }],
    ['Initialized', initialized(input)],
    ['Ready', readiness(pod, containersReady)],
    ['ContainersReady', containersReady],
    ['PodScheduled', { status: 'True' }],
    ...(couldRestartAll(pod.spec ?? { containers: [] })
      ? [['AllContainersRestarting', restarting(input)] satisfies [string, Verdict]]
      : []),
  ];
  return verdicts.map(([type, verdict]) => stamped(pod, type, verdict, nowMs));
}

function restarting({ phase, restartingAll }: ConditionInput): Verdict {
  if (phase === 'Succeeded') return { status: 'False', reason: 'PodCompleted' };
  if (phase === 'Failed') return { status: 'False', reason: 'PodFailed' };
  if (!restartingAll) return { status: 'False' };
  return { status: 'True', reason: 'RestartAllContainersStarted', message: 'container exited with restart policy rule' };
}

function stamped(pod: Pod, type: string, verdict: Verdict, nowMs: number): PodCondition {
  const old = findCondition(pod.status?.conditions, type);
  const since = old?.status === verdict.status ? old.lastTransitionTime : undefined;
  const generation = pod.metadata?.generation;
  return {
    type,
    ...verdict,
    lastTransitionTime: since ?? formatTime(nowMs),
    ...(generation !== undefined && { observedGeneration: generation }),
  };
}

function initialized({ pod, phase, initStatuses, statuses }: ConditionInput): Verdict {
  const inits = pod.spec?.initContainers ?? [];
  const hasBegun = statuses.some((status) => status.state?.running || status.state?.terminated || status.lastState?.terminated);
  if (phase === 'Succeeded') return { status: 'True', reason: 'PodCompleted' };
  if (hasBegun) return { status: 'True' };
  const open = inits.filter((init) => !isDone(init, initStatuses));
  if (open.length === 0) return { status: 'True' };
  return { status: 'False', reason: 'ContainersNotInitialized', message: `containers with incomplete status: ${names(open)}` };
}

function isDone(init: Container, statuses: readonly ContainerStatus[]): boolean {
  const status = statuses.find((each) => each.name === init.name);
  if (isSidecar(init)) return status?.started === true;
  return status?.ready === true;
}

function containersReadiness({ pod, phase, initStatuses, statuses }: ConditionInput): Verdict {
  if (phase === 'Succeeded') return { status: 'False', reason: 'PodCompleted' };
  if (phase === 'Failed') return { status: 'False', reason: 'PodFailed' };
  const all = [...statuses, ...initStatuses];
  const wanted = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? []).filter(isSidecar)];
  const unready = wanted.filter((container) => all.find((status) => status.name === container.name)?.ready !== true);
  if (unready.length === 0) return { status: 'True' };
  return { status: 'False', reason: 'ContainersNotReady', message: `containers with unready status: ${names(unready)}` };
}

function readiness(pod: Pod, containers: Verdict): Verdict {
  if (containers.status !== 'True') return containers;
  const open = (pod.spec?.readinessGates ?? []).flatMap(({ conditionType }) => {
    const gate = findCondition(pod.status?.conditions, conditionType);
    if (!gate) return [`corresponding condition of pod readiness gate "${conditionType}" does not exist.`];
    return gate.status === 'True'
      ? []
      : [`the status of pod readiness gate "${conditionType}" is not "True", but ${gate.status}`];
  });
  if (open.length === 0) return { status: 'True' };
  return { status: 'False', reason: 'ReadinessGatesNotReady', message: open.join(', ') };
}

/** As Go prints a list. */
function names(containers: readonly Container[]): string {
  return `[${containers.map((container) => container.name).join(' ')}]`;
}
