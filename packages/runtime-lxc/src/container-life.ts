import { existsSync } from 'node:fs';
import type { ContainerStatus } from '@keelson/runtime';
import type { Exit, Exits } from './exits.ts';
import type { Layout } from './layout.ts';
import type { ContainerRecord } from './records.ts';
import { beginningOf, shimOf } from './shim/launch.ts';

export type Life = Pick<ContainerStatus, 'state' | 'startedAtMs' | 'finishedAtMs' | 'exitCode' | 'reason' | 'message'>;

const NOT_BEGUN: Life = { state: 'created', startedAtMs: 0, finishedAtMs: 0, exitCode: 0, reason: '', message: '' };

/** How a container is, from what its shim has noted down. */
export function lifeOf(id: string, layout: Layout, exits: Exits): Life {
  const directory = layout.container(id);
  const beginning = beginningOf(directory);
  const exit = exits.find(id);
  if (exit) return ended(exit, beginning?.atMs ?? 0, existsSync(layout.container(id, 'oom')));
  if (!beginning) return NOT_BEGUN;
  // Nobody is there to say how it ends: see `Containers.list`.
  if (shimOf(directory) === undefined) return { ...NOT_BEGUN, state: 'unknown', startedAtMs: beginning.atMs };
  return { ...NOT_BEGUN, state: 'running', startedAtMs: beginning.atMs };
}

function ended({ exitCode, atMs, message }: Exit, startedAtMs: number, sawOom: boolean): Life {
  const finishedAtMs = Math.max(atMs, startedAtMs);
  if (startedAtMs === 0) {
    // 126 and 127 are the shell's words for a program that cannot be run or found; 128 is what runtimes say for anything else.
    const reason = exitCode === 126 || exitCode === 127 ? 'ContainerCannotRun' : 'StartError';
    return { state: 'exited', startedAtMs, finishedAtMs, exitCode, reason, message };
  }
  const reason = sawOom && exitCode !== 0 ? 'OOMKilled' : exitCode === 0 ? 'Completed' : 'Error';
  return { state: 'exited', startedAtMs, finishedAtMs, exitCode, reason, message };
}

export function statusOf(record: ContainerRecord, life: Life): ContainerStatus {
  const { id, sandboxId, pod, name, attempt, image, imageId, createdAtMs, labels, annotations } = record;
  return { id, sandboxId, pod, name, attempt, image, imageId, createdAtMs, labels, annotations, ...life };
}
