// Measures cluster DNS on loopback: one client process with a window of questions that are under way, against a server in a process of its
// own with N Services (half of them headless, with ten endpoints). Then the time of one question alone.
// Usage: npm run bench -- dns [--services 5000] [--questions 100000] [--window 64]
import { fork } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { parseArgs } from 'node:util';
import type { Service } from '@keelson/api/core/v1';
import type { EndpointSlice } from '@keelson/api/discovery/v1';
import { silentLogger, SystemClock } from '@keelson/base';
import type { Delta } from '@keelson/controller-runtime';
import { DnsServer } from '@keelson/dns';
import { of } from 'rxjs';

const { values } = parseArgs({
  options: {
    services: { type: 'string', default: '5000' },
    questions: { type: 'string', default: '100000' },
    window: { type: 'string', default: '64' },
    serve: { type: 'boolean', default: false },
  },
});
const SERVICES = Number(values.services);
const QUESTIONS = Number(values.questions);
const ENDPOINTS = 10;

function source<T>(objects: readonly T[]) {
  const deltas: readonly Delta<T>[] = objects.map((object): Delta<T> => ({ type: 'added', object, initial: true }));
  return {
    deltas$: of(deltas),
    whenSynced: async () => undefined,
  };
}

function serviceAt(index: number): Service {
  const clusterIP = index % 2 ? 'None' : `10.96.${index >> 8}.${index & 255}`;
  return {
    metadata: { name: `service-${index}`, namespace: 'default' },
    spec: { clusterIP, ports: [{ name: 'http', port: 80 }] },
  };
}

function sliceAt(index: number): EndpointSlice {
  const of = `service-${index}`;
  const endpoints = Array.from({ length: ENDPOINTS }, (_, one) => ({ addresses: [`10.${one}.${index >> 8}.${index & 255}`] }));
  const metadata = { name: of, namespace: 'default', labels: { 'kubernetes.io/service-name': of } };
  return { metadata, addressType: 'IPv4', endpoints, ports: [{ name: 'http', port: 8080 }] };
}

async function serve(): Promise<void> {
  const all = Array.from({ length: SERVICES }, (_, index) => index);
  const deps = { services: source(all.map(serviceAt)), endpointSlices: source(all.map(sliceAt)) };
  const server = new DnsServer({ ...deps, clock: new SystemClock(), logger: silentLogger }, { host: '127.0.0.1', port: 0 });
  const startMs = performance.now();
  await server.start(new AbortController().signal);
  process.send?.({ port: server.port, indexMs: performance.now() - startMs });
  process.once('disconnect', () => void server.stop());
}

/** A question for the address of a Service, by hand, so that the client costs little. */
function questionFor(index: number): Buffer {
  const labels = [`service-${index % SERVICES}`, 'default', 'svc', 'cluster', 'local'];
  const name = Buffer.concat([
    ...labels.map((label) => Buffer.from(`${String.fromCharCode(label.length)}${label}`)),
    Buffer.alloc(1),
  ]);
  const header = Buffer.from([index >> 8, index & 255, 1, 0, 0, 1, 0, 0, 0, 0, 0, 1]);
  const opt = Buffer.from([0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0]);
  return Buffer.concat([header, name, Buffer.from([0, 1, 0, 1]), opt]);
}

/** Latencies in milliseconds, sorted, with `window` questions under way; what is lost counts as an error of the run. */
async function run(port: number, count: number, window: number): Promise<{ latencies: number[]; tookMs: number }> {
  const questions = Array.from({ length: Math.min(SERVICES, 4_096) }, (_, index) => questionFor(index));
  const socket = createSocket('udp4');
  socket.connect(port, '127.0.0.1');
  await once(socket, 'connect');
  const sentMs = new Float64Array(0x10000);
  const latencies: number[] = [];
  const done = Promise.withResolvers<void>();
  let sent = 0;
  const send = (): void => {
    const packet = Buffer.from(questions[sent % questions.length] ?? Buffer.alloc(0));
    const id = sent++ & 0xffff;
    packet.writeUInt16BE(id, 0);
    sentMs[id] = performance.now();
    socket.send(packet);
  };
  socket.on('message', (response) => {
    if ((response[3] ?? 0) & 0xf || response.readUInt16BE(6) === 0) done.reject(new Error('an answer without a record'));
    latencies.push(performance.now() - (sentMs[response.readUInt16BE(0)] ?? 0));
    if (latencies.length === count) done.resolve();
    else if (sent < count) send();
  });
  const startMs = performance.now();
  for (let index = 0; index < window; index += 1) send();
  await done.promise;
  const tookMs = performance.now() - startMs;
  socket.close();
  return { latencies: latencies.sort((one, other) => one - other), tookMs };
}

function at(latencies: readonly number[], share: number): string {
  return (latencies[Math.floor(share * (latencies.length - 1))] ?? Number.NaN).toFixed(3);
}

async function measure(): Promise<void> {
  const child = fork(import.meta.filename, ['--serve', '--services', String(SERVICES)], { execArgv: process.execArgv });
  const [{ port, indexMs }] = (await once(child, 'message')) as [{ port: number; indexMs: number }];
  process.stdout.write(`${SERVICES} services of ${ENDPOINTS} endpoints indexed in ${indexMs.toFixed(0)} ms\n`);
  await run(port, QUESTIONS / 10, Number(values.window));
  const loaded = await run(port, QUESTIONS, Number(values.window));
  const perSecond = Math.round(QUESTIONS / (loaded.tookMs / 1_000));
  process.stdout.write(
    `${values.window} under way: ${perSecond} questions/s, p50=${at(loaded.latencies, 0.5)} ms p99=${at(loaded.latencies, 0.99)} ms\n`,
  );
  const alone = await run(port, QUESTIONS / 10, 1);
  child.disconnect();
  await once(child, 'exit');
  const { latencies } = alone;
  process.stdout.write(`dns: p50=${at(latencies, 0.5)} ms p99=${at(latencies, 0.99)} ms, ${perSecond} questions/s\n`);
}

await (values.serve ? serve() : measure());
