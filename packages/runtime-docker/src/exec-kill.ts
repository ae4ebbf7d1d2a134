import { readFile } from 'node:fs/promises';
import { isReason, type Clock } from '@keelson/base';
import type { EngineClient } from './engine/engine-client.ts';
import type { ExecInspect } from './engine/engine-types.ts';

/** A busy engine starts a command long after it was asked to, also if nobody waits for it any more. */
const START_WAIT_MS = 60_000;
const POLL_MS = 50;

/**
 * Kills a command that the engine was asked to start. Docker has no call for it. Done for engines on this machine, and only if the process
 * is surely the one that is meant.
 */
export async function killExec(
  { engine, clock }: { readonly engine: EngineClient; readonly clock: Clock },
  execId: string,
  signal: AbortSignal,
): Promise<void> {
  const untilMs = clock.monotonic() + START_WAIT_MS;
  while (!signal.aborted && clock.monotonic() < untilMs) {
    const exec = await find(engine, execId, signal);
    if (!exec || exec.ExitCode !== null) return;
    if (exec.Running && exec.Pid > 1) return killProcess(exec);
    await clock.sleep(POLL_MS, signal);
  }
}

/** Gone with its container, if it is not there. */
async function find(engine: EngineClient, execId: string, signal: AbortSignal): Promise<ExecInspect | undefined> {
  try {
    return await engine.json<ExecInspect>({ method: 'GET', path: `/exec/${execId}/json`, signal });
  } catch (error) {
    if (isReason(error, 'NotFound')) return undefined;
    throw error;
  }
}

async function killProcess({ Pid, ContainerID }: ExecInspect): Promise<void> {
  try {
    const cgroups = await readFile(`/proc/${Pid}/cgroup`, 'utf8');
    if (cgroups.includes(ContainerID)) process.kill(Pid, 'SIGKILL');
  } catch {
    // It has ended, or is on another machine.
  }
}
