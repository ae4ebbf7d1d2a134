// Runs inside one network namespace of a test, and does there what the test asks for over the IPC channel.
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { SystemClock } from '@keelson/base';
import type { ServicePort } from '../service-map.ts';
import { HealthCheckServer } from '../health-check-server.ts';
import { UserspaceMode } from '../userspace/userspace-mode.ts';
import type { AgentCall, AgentCalls, LoadResult } from './network-lab.ts';

const held = new Map<string, Socket>();
/** A client that has not been answered by then counts as lost. */
const LOAD_ANSWER_MS = 60_000;
const loads = new Map<string, () => Promise<LoadResult>>();
const udpSockets = new Map<number, UdpSocket>();
const healthChecks = new HealthCheckServer('0.0.0.0');
const clock = new SystemClock();
const modes = { IPv4: new UserspaceMode({ clock }), IPv6: new UserspaceMode({ clock }, { family: 'IPv6' }) };

const calls: AgentCalls = {
  /** Answers each line of a connection with `name client-address line`. */
  async serveTcp(name, port) {
    const server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.on('data', (data) => socket.write(`${name} ${plain(socket.remoteAddress)} ${data.toString()}`));
    });
    server.listen(port, '::');
    await once(server, 'listening');
  },
  async serveUdp(name, port) {
    const socket = createSocket('udp4');
    socket.on('message', (data, from) => socket.send(`${name} ${from.address} ${data.toString()}`, from.port, from.address));
    socket.bind(port, '0.0.0.0');
    await once(socket, 'listening');
  },
  /** The answer to `line` on a new connection, or the code of the error. */
  async askTcp(host, port, line, timeoutMs) {
    const socket = connect({ host, port });
    socket.on('error', () => undefined);
    try {
      socket.write(line);
      return await answerOf(socket, 'data', timeoutMs);
    } finally {
      socket.destroy();
    }
  },
  async hold(id, host, port) {
    const socket = connect({ host, port });
    await once(socket, 'connect');
    socket.on('error', () => undefined);
    held.set(id, socket);
  },
  /** The answer to `line` on a connection that is being held; `CLOSED` if it was reset. */
  async askHeld(id, line, timeoutMs) {
    const socket = held.get(id);
    if (!socket || socket.destroyed) return 'CLOSED';
    // Its end may be on its way.
    const closed = new Promise<string>((resolve) => socket.once('close', () => resolve('CLOSED')));
    const answer = answerOf(socket, 'data', timeoutMs);
    socket.write(line);
    return Promise.race([closed, answer.then((text) => (/^E[A-Z]+$/.test(text) ? closed : text))]);
  },
  /** The answer to a packet from `localPort`, or the code of the error. */
  async askUdp({ localPort, host, port, timeoutMs }, line) {
    const socket = udpSockets.get(localPort) ?? createSocket('udp4');
    if (!udpSockets.has(localPort)) {
      socket.on('error', () => undefined);
      socket.bind(localPort);
      await once(socket, 'listening');
      udpSockets.set(localPort, socket);
    }
    const answer = answerOf(socket, 'message', timeoutMs);
    socket.send(line, port, host);
    return answer;
  },
  async startLoad(id, at) {
    const load = { running: true, asked: 0, answers: {}, failures: {} };
    const streams = Array.from({ length: at.streams }, () => stream(at, load));
    loads.set(id, async () => {
      load.running = false;
      await Promise.all(streams);
      return { answers: load.answers, failures: load.failures };
    });
  },
  async endLoad(id) {
    const end = loads.get(id);
    if (!end) throw new Error(`there is no load "${id}"`);
    loads.delete(id);
    return end();
  },
  async answerHealthChecks(ports: readonly ServicePort[]) {
    const [problem] = await healthChecks.sync(new Map(ports.map((port) => [port.key, port])));
    if (problem) throw new Error(problem.message);
  },
  async askHealth(host, port) {
    try {
      const signal = AbortSignal.timeout(LOAD_ANSWER_MS);
      const response = await fetch(`http://${host}:${port}/`, { signal, headers: { connection: 'close' } });
      const { localEndpoints } = (await response.json()) as { localEndpoints: number };
      return `${response.status} ${localEndpoints}`;
    } catch (error) {
      const { cause } = error as { readonly cause?: { readonly code?: string } };
      return cause?.code ?? String(error);
    }
  },
  async userspaceSync(ports: readonly ServicePort[], full, family = 'IPv4') {
    return modes[family].sync(new Map(ports.map((port) => [port.key, port])), { full });
  },
  async userspaceClose(family = 'IPv4') {
    await modes[family].close();
  },
  async userspaceCleanup(family = 'IPv4') {
    await modes[family].cleanup();
  },
};

/** Fewer questions than this, as on a busy machine, could all have gone to the same server. */
const LEAST_QUESTIONS = 64;

interface Load {
  running: boolean;
  asked: number;
  readonly answers: Record<string, number>;
  readonly failures: Record<string, number>;
}

async function stream({ host, port }: { host: string; port: number }, load: Load): Promise<void> {
  while (load.running || load.asked < LEAST_QUESTIONS) {
    load.asked += 1;
    const answer = await calls.askTcp(host, port, 'x', LOAD_ANSWER_MS);
    const counts = answer.endsWith(' x') ? load.answers : load.failures;
    const name = answer.endsWith(' x') ? (answer.split(' ')[0] ?? '') : answer;
    counts[name] = (counts[name] ?? 0) + 1;
  }
}

/** An IPv4 address without the wrapping that a socket of both families gives it. */
function plain(address: string | undefined): string {
  return (address ?? '').replace('::ffff:', '');
}

async function answerOf(socket: Socket | UdpSocket, event: string, timeoutMs: number): Promise<string> {
  try {
    const [data] = (await once(socket, event, { signal: AbortSignal.timeout(timeoutMs) })) as [Buffer];
    return data.toString();
  } catch (error) {
    if (!(error instanceof Error)) return String(error);
    return error.name === 'AbortError' ? 'TIMEOUT' : String((error as NodeJS.ErrnoException).code ?? error.message);
  }
}

process.on('message', ({ id, call, args }: AgentCall) => {
  const run = calls[call] as (...args: readonly unknown[]) => Promise<unknown>;
  run(...args).then(
    (result) => process.send?.({ id, result }),
    (error: unknown) => process.send?.({ id, error: String(error) }),
  );
});
process.on('disconnect', () => process.exit(0));
process.send?.({ id: 0 });
