import { errorMessage, KeelsonError } from '@keelson/base';
import type { Container, LifecycleHandler } from '@keelson/api/core/v1';
import type { PodEndpoint } from './connection.ts';
import { httpGet } from './http-get.ts';
import type { ProbeDependencies } from './probe-actions.ts';

export interface HookTarget {
  readonly container: Container;
  readonly containerId: string;
  readonly endpoint: PodEndpoint;
}

/** Runs a lifecycle hook to its end, at most `timeoutMs`. Rejects with what went wrong, in the words for an event. */
export async function runHook(
  handler: LifecycleHandler,
  target: HookTarget,
  deps: ProbeDependencies,
  options: { readonly timeoutMs: number; readonly signal: AbortSignal },
): Promise<void> {
  const { timeoutMs, signal } = options;
  if (handler.exec) return execHook(handler.exec.command ?? [], target, deps, timeoutMs);
  const limit = new AbortController();
  const stop = () => limit.abort(signal.reason);
  signal.addEventListener('abort', stop, { once: true });
  const timer = deps.clock.after(timeoutMs, () => limit.abort(new Error(`hook did not end within ${timeoutMs / 1000} s`)));
  try {
    if (handler.sleep) await deps.clock.sleep(handler.sleep.seconds * 1000, limit.signal);
    else if (handler.httpGet) await httpHook(handler.httpGet, target, deps, limit.signal);
    else throw new KeelsonError('BadRequest', `invalid handler: ${JSON.stringify(handler)}`); // As `tcpSocket`, which the API has kept.
  } finally {
    timer[Symbol.dispose]();
    signal.removeEventListener('abort', stop);
  }
}

async function execHook(
  command: readonly string[],
  target: HookTarget,
  { runtime }: ProbeDependencies,
  timeoutMs: number,
): Promise<void> {
  const { exitCode, stdout, stderr } = await runtime.execSync(target.containerId, command, timeoutMs);
  if (exitCode === 0) return;
  const output = Buffer.concat([stdout, stderr]).toString().trim().slice(0, 1024);
  throw new KeelsonError('InternalError', `command '${command.join(' ')}' exited with ${exitCode}: ${output}`);
}

/** Any answer will do: a hook tells, it does not ask. */
async function httpHook(
  action: NonNullable<LifecycleHandler['httpGet']>,
  { container, endpoint }: HookTarget,
  deps: ProbeDependencies,
  signal: AbortSignal,
): Promise<void> {
  const host = action.host ?? (endpoint.ip || '127.0.0.1');
  const dial = (port: number) => deps.dial(endpoint, action.host, port);
  try {
    await httpGet({ action, container, dial, host, userAgent: 'kube-lifecycle/1.36', signal });
  } catch (error) {
    throw new KeelsonError('InternalError', `Http lifecycle hook failed: ${errorMessage(error)}`, { cause: error });
  }
}
