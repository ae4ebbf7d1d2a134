import { formatTime } from '@keelson/api';
import type {
  Container,
  ContainerState,
  ContainerStateTerminated,
  ContainerStatus,
  ResourceRequirements,
} from '@keelson/api/core/v1';
import type { ContainerStatus as RuntimeContainer } from '@keelson/runtime';
import { ANNOTATIONS, isSidecar } from './pod-facts.ts';
import { RESTARTING_ALL, RESTARTING_ALL_MESSAGE } from './restart-all.ts';
import { attemptsOf, type PodView } from './runtime-view.ts';

export interface WaitingReason {
  readonly reason: string;
  readonly message?: string | undefined;
}

export interface StatusInput {
  readonly view: PodView;
  /** As in container ids: `docker`, `sim`. */
  readonly runtimeName: string;
  /** What the API has; keeps what the runtime has forgotten. */
  readonly old: readonly ContainerStatus[];
  /** Why a container is not started (again), by its name. */
  readonly waiting: ReadonlyMap<string, WaitingReason>;
  /** What to say of containers that have not begun. */
  readonly defaultReason: string;
  /** True once the pod is being stopped: what is gone from the runtime has ended. */
  readonly stopped: boolean;
  /** True while all containers of the pod are taken out, to start from the beginning. */
  readonly restartingAll: boolean;
  /** Whether the node can make mounts read only with all that is mounted below them. */
  readonly readOnlyTrees: boolean;
  /** What a running container has, where a change of its resources has not reached it yet. */
  actualResources(containerId: string): ResourceRequirements | undefined;
  isStarted(container: Container, containerId: string): boolean;
  isReady(container: Container, containerId: string): boolean;
  terminationMessage(container: RuntimeContainer): string | undefined;
}

/** Pure: the statuses of `containers`, in the order of the spec. */
export function containerStatuses(
  containers: readonly Container[],
  role: 'init' | 'main' | 'ephemeral',
  input: StatusInput,
): ContainerStatus[] {
  return containers.map((container) => statusOf(container, role, input));
}

function statusOf(container: Container, role: 'init' | 'main' | 'ephemeral', input: StatusInput): ContainerStatus {
  const old = input.old.find((status) => status.name === container.name);
  const [latest, previous] = attemptsOf(input.view, container.name);
  const isReset = !latest && input.restartingAll && role !== 'ephemeral' && old?.containerID !== undefined;
  const status = latest ? fromRuntime(latest, previous, old, input) : isReset ? reset(old) : fromNothing(container, old, input);
  if (latest) Object.assign(status, specOf(container, input.actualResources(latest.id), input.readOnlyTrees));
  const reason = input.waiting.get(container.name);
  if (reason && !status.state?.running) putToWait(status, reason);
  const { running, terminated } = status.state ?? {};
  const id = latest?.id ?? '';
  status.started =
    role === 'init' && !isSidecar(container) ? running !== undefined : running !== undefined && input.isStarted(container, id);
  status.ready =
    role === 'init' && !isSidecar(container)
      ? terminated?.exitCode === 0
      : running !== undefined && status.started && input.isReady(container, id);
  return status;
}

/** What of the definition holds for the container that was made by it. */
function specOf(
  { resources, volumeMounts = [] }: Container,
  actual: ResourceRequirements | undefined,
  readOnlyTrees: boolean,
): Partial<ContainerStatus> {
  const mounts = volumeMounts.map(({ name, mountPath, readOnly, recursiveReadOnly = 'Disabled' }) => {
    const isRecursive = readOnlyTrees && recursiveReadOnly !== 'Disabled';
    return { name, mountPath, ...(readOnly && { readOnly, recursiveReadOnly: isRecursive ? 'Enabled' : 'Disabled' }) };
  });
  const { limits, requests } = actual ?? resources ?? {};
  return {
    ...(resources?.requests && { allocatedResources: resources.requests }),
    resources: { ...(limits && { limits }), ...(requests && { requests }) },
    ...(mounts.length > 0 && { volumeMounts: mounts }),
  };
}

/** The end that was the present state becomes the last state. */
function putToWait(status: ContainerStatus, reason: WaitingReason): void {
  if (status.state?.terminated) status.lastState = { terminated: status.state.terminated };
  status.state = { waiting: { reason: reason.reason, ...(reason.message !== undefined && { message: reason.message }) } };
}

function fromRuntime(
  latest: RuntimeContainer,
  previous: RuntimeContainer | undefined,
  old: ContainerStatus | undefined,
  input: StatusInput,
): ContainerStatus {
  const containerID = containerIdOf(latest, input);
  const state = keepMessage(stateOf(latest, input), old, containerID);
  const last = previous ? stateOf(previous, input) : lastOf(old, containerID);
  return {
    name: latest.name,
    image: latest.annotations[ANNOTATIONS.image] ?? latest.image,
    imageID: latest.imageId,
    containerID,
    restartCount: Math.max(latest.attempt, old?.restartCount ?? 0),
    ready: false,
    state,
    lastState: last?.terminated ? { terminated: last.terminated } : {},
  };
}

/** Last words may be gone from the node by now. */
function keepMessage(state: ContainerState, old: ContainerStatus | undefined, containerID: string): ContainerState {
  const known = [old?.state?.terminated, old?.lastState?.terminated].find((end) => end?.containerID === containerID);
  if (!state.terminated || state.terminated.message !== undefined || known?.message === undefined) return state;
  return { terminated: { ...state.terminated, message: known.message } };
}

/** The runtime keeps no older attempt: take the end of the one before from what the API has. */
function lastOf(old: ContainerStatus | undefined, containerID: string): ContainerState | undefined {
  const end = old?.state?.terminated;
  return end && old.containerID !== containerID ? { terminated: end } : old?.lastState;
}

function stateOf(container: RuntimeContainer, input: StatusInput): ContainerState {
  switch (container.state) {
    case 'running':
      return { running: { startedAt: formatTime(container.startedAtMs) } };
    case 'exited':
      return { terminated: endOf(container, input) };
    case 'created':
    case 'unknown':
      return { waiting: { reason: input.defaultReason } };
  }
}

function endOf(container: RuntimeContainer, input: StatusInput): ContainerStateTerminated {
  const message = input.terminationMessage(container) || container.message;
  const fallback = container.exitCode === 0 ? 'Completed' : 'Error';
  return {
    exitCode: container.exitCode,
    reason: container.reason === '' ? fallback : container.reason,
    ...(message !== '' && { message }),
    startedAt: formatTime(container.startedAtMs || container.createdAtMs),
    finishedAt: formatTime(container.finishedAtMs),
    containerID: containerIdOf(container, input),
  };
}

function fromNothing(container: Container, old: ContainerStatus | undefined, input: StatusInput): ContainerStatus {
  const base = { name: container.name, image: container.image ?? '', imageID: '', ready: false };
  const restartCount = old?.restartCount ?? 0;
  const waiting = { waiting: { reason: input.defaultReason } };
  if (!old || (!old.state?.running && !old.state?.terminated)) {
    const isReset = old?.state?.waiting?.reason === RESTARTING_ALL;
    return { ...base, restartCount, state: isReset ? old.state : waiting, lastState: old?.lastState ?? {} };
  }
  if (old.state.terminated) return { ...old, ready: false };
  const lost: ContainerStateTerminated = {
    exitCode: 137,
    reason: 'ContainerStatusUnknown',
    message: input.stopped ? LOST : LOST_RUNNING,
    ...(old.containerID !== undefined && { containerID: old.containerID }),
  };
  if (input.stopped) return { ...old, ready: false, state: { terminated: lost } };
  return { ...base, restartCount: restartCount + 1, state: waiting, lastState: { terminated: lost } };
}

/** It begins anew, as its next attempt. */
function reset({ name, image, restartCount }: ContainerStatus): ContainerStatus {
  const why = { reason: RESTARTING_ALL, message: RESTARTING_ALL_MESSAGE };
  return {
    name,
    image,
    imageID: '',
    ready: false,
    restartCount: restartCount + 1,
    state: { waiting: why },
    lastState: { terminated: { exitCode: 137, ...why } },
  };
}

const LOST = 'The container could not be located when the pod was terminated';
const LOST_RUNNING = 'The container could not be located when the pod was deleted.  The container used to be Running';

/** `docker://ID`. Where several runtimes are on a node, ids of all but the main one come with their names. */
function containerIdOf({ id }: RuntimeContainer, { runtimeName }: StatusInput): string {
  return id.includes('://') ? id : `${runtimeName}://${id}`;
}
