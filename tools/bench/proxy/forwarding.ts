import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { join } from 'node:path';

const CONNECTIONS = 2_000;
const REQUESTS = 20_000;
const MEGABYTES = 500;
const STREAMS = 8;
const ROUNDS = 5;
const QUESTION = Buffer.alloc(64, 'x');
const CHUNK = Buffer.alloc(64 * 1024, 'x');

type Work = readonly [title: string, unit: number, run: (port: number) => Promise<void>];

/** Processor time of the userspace mode and of the smallest forwarder for the same work: steady where the clock is not. */
export async function benchForwarding(): Promise<string[]> {
  const server = createServer({ noDelay: true }, (socket) => socket.on('error', () => undefined).pipe(socket)).listen(
    0,
    '127.0.0.1',
  );
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const userspace = await startChild('userspace', port + 1, port);
  const forwarder = await startChild('forwarder', port + 2, port);
  try {
    return await compare([
      [userspace, port + 1],
      [forwarder, port + 2],
    ]);
  } finally {
    for (const child of [userspace, forwarder]) child.disconnect();
    server.close();
  }
}

async function compare(sides: readonly (readonly [ChildProcess, number])[]): Promise<string[]> {
  const results: string[] = [];
  for (const [title, unit, run] of WORK) {
    const costs: number[][] = [[], []];
    // The first round is not counted: code is compiled in it.
    for (let round = 0; round <= ROUNDS; round++) {
      for (const [side, [child, port]] of sides.entries()) {
        const beforeMs = await cpuMs(child);
        await run(port);
        if (round > 0) costs[side]?.push(((await cpuMs(child)) - beforeMs) / unit);
      }
    }
    const [own = Number.NaN, other = Number.NaN] = costs.map((list) => list.sort((a, b) => a - b)[ROUNDS >> 1]);
    process.stdout.write(
      `processor time for ${title.padEnd(11)}  userspace ${own.toFixed(4)} ms  forwarder ${other.toFixed(4)} ms  (${((other / own) * 100).toFixed(0)} %)\n`,
    );
    results.push(`userspace/forwarder.${title}=${((other / own) * 100).toFixed(0)}%`);
  }
  return results;
}

const WORK: readonly Work[] = [
  ['connection', CONNECTIONS, (port) => inStreams(CONNECTIONS, () => oneConnection(port))],
  ['request', REQUESTS, requests],
  ['megabyte', MEGABYTES, bulk],
];

async function startChild(kind: string, port: number, to: number): Promise<ChildProcess> {
  const script = join(import.meta.dirname, 'forwarding-child.ts');
  const child = spawn(process.execPath, ['--conditions=keelson-source', script, kind, `${port}`, `${to}`], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  await once(child, 'message');
  return child;
}

async function cpuMs(child: ChildProcess): Promise<number> {
  child.send('cpu');
  const [ms] = (await once(child, 'message')) as [number];
  return ms;
}

async function inStreams(count: number, work: (stream: number) => Promise<void>): Promise<void> {
  let left = count;
  const streams = Array.from({ length: STREAMS }, async (_, stream) => {
    while (left-- > 0) await work(stream);
  });
  await Promise.all(streams);
}

async function open(port: number): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', port, noDelay: true });
  await once(socket, 'connect');
  return socket;
}

async function oneConnection(port: number): Promise<void> {
  const socket = await open(port);
  await ask(socket);
  socket.end();
  await once(socket.resume(), 'close');
}

async function requests(port: number): Promise<void> {
  const sockets = await Promise.all(Array.from({ length: STREAMS }, () => open(port)));
  await inStreams(REQUESTS, async (stream) => {
    const socket = sockets[stream];
    if (socket) await ask(socket);
  });
  for (const socket of sockets) socket.destroy();
}

/** Asks and waits for the whole answer. */
function ask(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    let missing = QUESTION.length;
    const onData = (data: Buffer): void => {
      missing -= data.length;
      if (missing > 0) return;
      socket.off('data', onData);
      resolve();
    };
    socket.on('data', onData).write(QUESTION);
  });
}

async function bulk(port: number): Promise<void> {
  const socket = await open(port);
  const total = MEGABYTES * 1_000_000;
  let received = 0;
  let sent = 0;
  const done = new Promise<void>((resolve) => {
    socket.on('data', (data: Buffer) => {
      received += data.length;
      if (received >= total) resolve();
    });
  });
  const fill = (): void => {
    while (sent < total) {
      const chunk = CHUNK.subarray(0, Math.min(CHUNK.length, total - sent));
      sent += chunk.length;
      if (!socket.write(chunk)) return;
    }
  };
  socket.on('drain', fill);
  fill();
  await done;
  socket.destroy();
}
