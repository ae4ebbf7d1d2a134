import { errorMessage, isReason, type Clock } from '@keelson/base';
import type { Container, Probe } from '@keelson/api/core/v1';
import type { ContainerRuntime } from '@keelson/runtime';
import type { Dial, PodEndpoint } from './connection.ts';
import { untilAborted } from '../until-aborted.ts';
import { grpcCheck } from './grpc-check.ts';
import { httpGet, portNumber } from './http-get.ts';
import type { ProbeResult } from './probe-state.ts';

export interface ProbeTarget {
  readonly container: Container;
  readonly containerId: string;
  readonly endpoint: PodEndpoint;
}

export interface ProbeOutcome {
  readonly result: ProbeResult;
  readonly output: string;
  /** It passed, but somebody should look at it. */
  readonly warning?: boolean;
}

export interface ProbeDependencies {
  readonly runtime: ContainerRuntime;
  readonly clock: Clock;
  readonly dial: Dial;
}

const USER_AGENT = 'kube-probe/1.36';

/** Makes one probe. `unknown` if it could not be made at all, which says nothing about the container. Never rejects. */
export async function runProbe(
  probe: Probe,
  target: ProbeTarget,
  deps: ProbeDependencies,
  signal: AbortSignal,
): Promise<ProbeOutcome> {
  const timeoutMs = (probe.timeoutSeconds ?? 1) * 1000;
  const limit = new AbortController();
  const stop = () => limit.abort(signal.reason);
  signal.addEventListener('abort', stop, { once: true });
  const timer = deps.clock.after(timeoutMs, () => limit.abort(new Error('timeout')));
  try {
    if (probe.exec) return await execProbe(probe, target, deps, timeoutMs);
    return await untilAborted(networkProbe(probe, target, deps, limit.signal), limit.signal);
  } catch (error) {
    if (signal.aborted) return { result: 'unknown', output: errorMessage(signal.reason) };
    return { result: 'failure', output: failureText(probe, target, limit.signal.aborted ? undefined : error) };
  } finally {
    timer[Symbol.dispose]();
    signal.removeEventListener('abort', stop);
  }
}

/** In the words of Go's network libraries, which people look for. Without an error it took too long. */
function failureText(
  { grpc, httpGet: action, tcpSocket, timeoutSeconds }: Probe,
  { container, endpoint }: ProbeTarget,
  error: unknown,
): string {
  const deadline = 'context deadline exceeded';
  const why = error === undefined ? deadline : errorMessage(error);
  if (action) {
    const awaiting = error === undefined ? ' (Client.Timeout exceeded while awaiting headers)' : '';
    const port = isReason(error, 'BadRequest') ? action.port : portNumber(action.port, container);
    const path = action.path?.replace(/^\/?/, '/') ?? '/';
    const host = action.host ?? endpoint.ip;
    return `Get "${(action.scheme ?? 'HTTP').toLowerCase()}://${host.includes(':') ? `[${host}]` : host}:${port}${path}": ${why}${awaiting}`;
  }
  if (grpc) {
    const address = `"${endpoint.ip}:${grpc.port}"`;
    const within = `${(timeoutSeconds ?? 1).toString()}s`;
    return error === undefined
      ? `timeout: failed to connect service ${address} within ${within}: ${deadline}`
      : `error: failed to connect service at ${address}: ${why}`;
  }
  if (tcpSocket && error === undefined) return `dial tcp ${tcpSocket.host ?? endpoint.ip}:${tcpSocket.port}: i/o timeout`;
  return why;
}

async function execProbe(
  probe: Probe,
  target: ProbeTarget,
  { runtime }: ProbeDependencies,
  timeoutMs: number,
): Promise<ProbeOutcome> {
  const command = probe.exec?.command ?? [];
  try {
    const { exitCode, stdout, stderr } = await runtime.execSync(target.containerId, command, timeoutMs);
    const output = Buffer.concat([stdout, stderr]).toString().slice(0, 10_240);
    return { result: exitCode === 0 ? 'success' : 'failure', output };
  } catch (error) {
    if (isReason(error, 'Timeout'))
      return { result: 'failure', output: `command timed out: "${command.join(' ')}" timed out after ${timeoutMs / 1000}s` };
    if (isReason(error, 'BadRequest')) return { result: 'failure', output: errorMessage(error) };
    return { result: 'unknown', output: errorMessage(error) };
  }
}

async function networkProbe(
  probe: Probe,
  target: ProbeTarget,
  deps: ProbeDependencies,
  signal: AbortSignal,
): Promise<ProbeOutcome> {
  const { container, endpoint } = target;
  if (probe.tcpSocket) {
    (await deps.dial(endpoint, probe.tcpSocket.host, portNumber(probe.tcpSocket.port, container))).destroy();
    return { result: 'success', output: '' };
  }
  if (probe.grpc) {
    const connection = await deps.dial(endpoint, undefined, probe.grpc.port);
    const timeoutMs = (probe.timeoutSeconds ?? 1) * 1000;
    const { healthy, output } = await grpcCheck(connection, probe.grpc.service ?? '', { clock: deps.clock, timeoutMs, signal });
    return { result: healthy ? 'success' : 'failure', output };
  }
  const action = probe.httpGet;
  if (!action) return { result: 'success', output: '' };
  const host = action.host ?? (endpoint.ip || '127.0.0.1');
  const dial = (port: number) => deps.dial(endpoint, action.host, port);
  const answer = await httpGet({ action, container, dial, host, userAgent: USER_AGENT, signal });
  if (answer.status < 200 || answer.status >= 400) {
    return { result: 'failure', output: `HTTP probe failed with statuscode: ${answer.status}` };
  }
  if (answer.status < 300) return { result: 'success', output: answer.body };
  return { result: 'success', output: `Probe terminated redirects, Response body: ${answer.body}`, warning: true };
}
