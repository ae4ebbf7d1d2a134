import { once } from 'node:events';
import { connect as connectHttp2, constants } from 'node:http2';
import type { Duplex } from 'node:stream';
import { errorMessage, isReason, type Clock } from '@keelson/base';
import type { Container, Probe } from '@keelson/api/core/v1';
import type { ContainerRuntime } from '@keelson/runtime';
import type { Dial, PodEndpoint } from './connection.ts';
import { untilAborted } from '../until-aborted.ts';
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
function failureText({ grpc, httpGet: action, tcpSocket }: Probe, { container, endpoint }: ProbeTarget, error: unknown): string {
  const deadline = 'context deadline exceeded';
  const why = error === undefined ? deadline : errorMessage(error);
  if (action) {
    const awaiting = error === undefined ? ' (Client.Timeout exceeded while awaiting headers)' : '';
    const port = isReason(error, 'BadRequest') ? action.port : portNumber(action.port, container);
    const path = action.path?.replace(/^\/?/, '/') ?? '/';
    const host = action.host ?? endpoint.ip;
    return `Get "${(action.scheme ?? 'HTTP').toLowerCase()}://${host.includes(':') ? `[${host}]` : host}:${port}${path}": ${why}${awaiting}`;
  }
  if (grpc && error === undefined)
    return `timeout: failed to connect service "${endpoint.ip}:${grpc.port}" within its time: ${deadline}`;
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
  if (probe.grpc) return grpcProbe(await deps.dial(endpoint, undefined, probe.grpc.port), probe.grpc.service ?? '', signal);
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

/** `grpc.health.v1.Health/Check`, whose two messages are small enough to be written by hand. */
async function grpcProbe(connection: Duplex, service: string, signal: AbortSignal): Promise<ProbeOutcome> {
  const session = connectHttp2('http://pod', { createConnection: () => connection });
  session.on('error', () => undefined);
  try {
    const stream = session.request({
      [constants.HTTP2_HEADER_METHOD]: 'POST',
      [constants.HTTP2_HEADER_PATH]: '/grpc.health.v1.Health/Check',
      'content-type': 'application/grpc',
      'user-agent': USER_AGENT,
      te: 'trailers',
    });
    const abort = () => stream.destroy();
    signal.addEventListener('abort', abort, { once: true });
    let trailers: Record<string, unknown> = {};
    stream.on('trailers', (headers) => (trailers = headers));
    stream.on('response', (headers) => (trailers = { ...headers, ...trailers }));
    const chunks: Buffer[] = [];
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.end(healthRequest(service));
    await once(stream, 'close');
    return grpcOutcome(Buffer.concat(chunks), trailers);
  } finally {
    session.destroy();
  }
}

function healthRequest(service: string): Buffer {
  const name = Buffer.from(service);
  const message = service === '' ? Buffer.alloc(0) : Buffer.concat([Buffer.from([0x0a, name.length]), name]);
  const header = Buffer.alloc(5);
  header.writeUInt32BE(message.length, 1);
  return Buffer.concat([header, message]);
}

const SERVING = 1;

function grpcOutcome(body: Buffer, trailers: Readonly<Record<string, unknown>>): ProbeOutcome {
  const code = String(trailers['grpc-status'] ?? '0');
  if (code !== '0') return { result: 'failure', output: `service unhealthy (responded with gRPC status ${code})` };
  const status = body.length >= 7 && body[5] === 0x08 ? body[6] : 0;
  if (status === SERVING) return { result: 'success', output: 'service healthy' };
  return { result: 'failure', output: 'service unhealthy (responded with "NOT_SERVING")' };
}
