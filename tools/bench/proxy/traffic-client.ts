// Measures a server that sends back all that it gets. Usage: traffic-client HOST PORT SECONDS
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

const [, , host = '', port, seconds] = process.argv;
const STREAMS = 8;
const QUESTION = Buffer.alloc(64, 'x');
const CHUNK = Buffer.alloc(64 * 1024, 'x');
const durationMs = Number(seconds) * 1000;

async function open(): Promise<Socket> {
  const socket = connect({ host, port: Number(port), noDelay: true });
  await once(socket, 'connect');
  return socket;
}

/** Asks and waits for the whole answer. */
function ask(socket: Socket): Promise<void> {
  return new Promise((resolve, reject) => {
    let missing = QUESTION.length;
    const onData = (data: Buffer): void => {
      missing -= data.length;
      if (missing > 0) return;
      socket.off('data', onData).off('error', reject);
      resolve();
    };
    socket.on('data', onData).once('error', reject);
    socket.write(QUESTION);
  });
}

interface Pace {
  readonly perSecond: number;
  readonly p50Ms: number;
}

/** Does `work` over and over on several streams at a time. */
async function pace(work: (stream: number) => Promise<void>): Promise<Pace> {
  const times: number[] = [];
  const endMs = performance.now() + durationMs;
  const streams = Array.from({ length: STREAMS }, async (_, stream) => {
    while (performance.now() < endMs) {
      const startMs = performance.now();
      await work(stream);
      times.push(performance.now() - startMs);
    }
  });
  await Promise.all(streams);
  times.sort((a, b) => a - b);
  return { perSecond: (times.length / durationMs) * 1000, p50Ms: times[times.length >> 1] ?? Number.NaN };
}

async function bulk(): Promise<number> {
  const socket = await open();
  let received = 0;
  let running = true;
  socket.on('data', (data: Buffer) => (received += data.length));
  const fill = (): void => {
    while (running && socket.write(CHUNK));
  };
  socket.on('drain', fill);
  const startMs = performance.now();
  fill();
  await new Promise((resolve) => setTimeout(resolve, durationMs));
  running = false;
  const megabytes = received / 1e6 / ((performance.now() - startMs) / 1000);
  socket.destroy();
  return megabytes;
}

const connections = await pace(async () => {
  const socket = await open();
  await ask(socket);
  socket.destroy();
});
const open8 = await Promise.all(Array.from({ length: STREAMS }, open));
const requests = await pace(async (stream) => {
  const socket = open8[stream];
  if (socket) await ask(socket);
});
for (const socket of open8) socket.destroy();
const figures = {
  connections: connections.perSecond,
  connectionP50Ms: connections.p50Ms,
  requests: requests.perSecond,
  requestP50Ms: requests.p50Ms,
  megabytes: await bulk(),
};
process.stdout.write(`${JSON.stringify(figures)}\n`);
process.exit(0);
