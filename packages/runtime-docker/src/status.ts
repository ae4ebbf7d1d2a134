import type { ContainerStatus, SandboxStatus } from '@keelson/runtime';
import type { ContainerInspect } from './engine/engine-types.ts';
import { recordOf } from './record.ts';

/** Docker says this where there is no time. */
const NO_TIME = '0001-01-01T00:00:00Z';

/** `undefined` for what is no sandbox of ours. `ips`: `undefined` if it has no network that works, which makes it useless. */
export function sandboxStatus(inspect: ContainerInspect, ips: readonly string[] | undefined): SandboxStatus | undefined {
  const record = recordOf(inspect.Config.Labels);
  if (!record || record.container) return undefined;
  const { pod, attempt, labels, annotations } = record;
  const isReady = inspect.State.Running && ips !== undefined;
  return {
    id: inspect.Id,
    pod,
    attempt,
    state: isReady ? 'ready' : 'not-ready',
    createdAtMs: epochMs(inspect.Created),
    ips: isReady ? ips : [],
    labels,
    annotations,
  };
}

/** `undefined` for what is no container of ours. `wasOomKilled` is a judgement of its own: see `OomKills`. */
export function containerStatus(inspect: ContainerInspect, wasOomKilled: boolean): ContainerStatus | undefined {
  const record = recordOf(inspect.Config.Labels);
  if (!record?.container) return undefined;
  const { pod, attempt, labels, annotations, container } = record;
  return { id: inspect.Id, pod, attempt, labels, annotations, ...container, ...lifeOf(inspect, wasOomKilled) };
}

type Life = Pick<ContainerStatus, 'state' | 'createdAtMs' | 'startedAtMs' | 'finishedAtMs' | 'exitCode' | 'reason' | 'message'>;

function lifeOf({ Created, State }: ContainerInspect, wasOomKilled: boolean): Life {
  const { Status, ExitCode: exitCode, Error: error } = State;
  const createdAtMs = epochMs(Created);
  const startedAtMs = epochMs(State.StartedAt);
  const none = { createdAtMs, startedAtMs, finishedAtMs: 0, exitCode: 0, reason: '', message: '' };
  switch (Status) {
    case 'running':
    case 'paused':
      return { ...none, state: 'running' };
    case 'created':
      if (error === '') return { ...none, state: 'created' };
      // Docker puts a process that could not be started back to "created", and says why.
      return { ...none, state: 'exited', finishedAtMs: createdAtMs, ...startFailure(exitCode, error) };
    case 'exited':
    case 'dead': {
      // The two times are taken by different programs: a quick process may seem to end before it starts.
      const finishedAtMs = Math.max(epochMs(State.FinishedAt), startedAtMs || createdAtMs);
      if (startedAtMs === 0) return { ...none, state: 'exited', finishedAtMs, ...startFailure(exitCode, error) };
      return { ...none, state: 'exited', finishedAtMs, exitCode, reason: endReason(exitCode, wasOomKilled), message: error };
    }
    default:
      return { ...none, state: 'unknown' };
  }
}

function startFailure(exitCode: number, message: string): Pick<Life, 'exitCode' | 'reason' | 'message'> {
  // 126 and 127 are the shell's words for a program that cannot be run or found; 128 is what runtimes say for anything else.
  const isProgram = exitCode === 126 || exitCode === 127;
  return { exitCode: exitCode || 128, reason: isProgram ? 'ContainerCannotRun' : 'StartError', message };
}

function endReason(exitCode: number, wasOomKilled: boolean): string {
  if (wasOomKilled) return 'OOMKilled';
  return exitCode === 0 ? 'Completed' : 'Error';
}

export function epochMs(time: string): number {
  return time === NO_TIME ? 0 : Date.parse(time) || 0;
}
