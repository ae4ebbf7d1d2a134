// Measures the Ingress proxy on loopback: a backend, a client with a window of requests that are under way, and between them in turn nothing, the
// smallest HTTP proxy that Node can be, and the controller with as many Ingresses as asked. Each is a process of its own; what it costs is the
// processor time of the one between, for each request.
// Usage: npm run bench -- ingress [--requests 20000] [--window 32] [--ingresses 1000] [--rounds 5]
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { Agent, request, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    requests: { type: 'string', default: '20000' },
    window: { type: 'string', default: '32' },
    ingresses: { type: 'string', default: '1000' },
    rounds: { type: 'string', default: '5' },
  },
});
const [REQUESTS, WINDOW, ROUNDS] = [Number(values.requests), Number(values.window), Number(values.rounds)];

/** A script of this directory that tells its port once it is ready, and the processor time that it has used when it is asked. */
class Part {
  readonly port: number;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, port: number) {
    this.#child = child;
    this.port = port;
  }

  static async start(script: string, ...args: readonly string[]): Promise<Part> {
    const child = fork(join(import.meta.dirname, script), args, { execArgv: process.execArgv });
    const [{ port }] = (await once(child, 'message')) as [{ port: number }];
    return new Part(child, port);
  }

  async usedMicroseconds(): Promise<number> {
    this.#child.send('usage');
    const [{ usedMicroseconds }] = (await once(this.#child, 'message')) as [{ usedMicroseconds: number }];
    return usedMicroseconds;
  }

  async stop(): Promise<void> {
    this.#child.disconnect();
    await once(this.#child, 'exit');
  }
}

interface Figures {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly ownMicroseconds: number;
}

const agent = new Agent({ keepAlive: true, maxSockets: WINDOW });

async function ask(port: number): Promise<void> {
  const outgoing = request({ agent, host: '127.0.0.1', port, path: '/items/7', headers: { host: 'shop-0.example' } });
  outgoing.end();
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
  if (response.statusCode !== 200) throw new Error(`status ${response.statusCode}`);
  response.resume();
  await once(response, 'end');
}

async function load(port: number, count: number): Promise<{ readonly latencies: readonly number[]; readonly tookMs: number }> {
  const latencies: number[] = [];
  let begun = 0;
  const stream = async (): Promise<void> => {
    while (begun++ < count) {
      const startMs = performance.now();
      await ask(port);
      latencies.push(performance.now() - startMs);
    }
  };
  const startMs = performance.now();
  await Promise.all(Array.from({ length: WINDOW }, stream));
  return { latencies: latencies.sort((one, other) => one - other), tookMs: performance.now() - startMs };
}

async function measure(part: Part): Promise<Figures> {
  await load(part.port, REQUESTS / 10);
  const before = await part.usedMicroseconds();
  const { latencies, tookMs } = await load(part.port, REQUESTS);
  const ownMicroseconds = ((await part.usedMicroseconds()) - before) / REQUESTS;
  return { perSecond: (REQUESTS / tookMs) * 1_000, p50Ms: at(latencies, 0.5), p99Ms: at(latencies, 0.99), ownMicroseconds };
}

function at(sorted: readonly number[], share: number): number {
  return sorted[Math.floor(share * (sorted.length - 1))] ?? Number.NaN;
}

function middle(figures: readonly Figures[], key: keyof Figures): number {
  return at(
    figures.map((one) => one[key]).sort((one, other) => one - other),
    0.5,
  );
}

const backend = await Part.start('backend.ts');
const parts: readonly (readonly [string, Part])[] = [
  ['direct', backend],
  ['smallest', await Part.start('smallest-proxy.ts', `${backend.port}`)],
  ['ingress', await Part.start('controller.ts', `${backend.port}`, values.ingresses)],
];
const rounds = new Map<string, Figures[]>(parts.map(([name]) => [name, []]));
for (let round = 0; round < ROUNDS; round += 1) {
  for (const [name, part] of parts) rounds.get(name)?.push(await measure(part));
}
agent.destroy();
for (const [, part] of parts) await part.stop();
for (const [name, figures] of rounds) {
  const text = (key: keyof Figures, digits: number): string => middle(figures, key).toFixed(digits);
  process.stdout.write(
    `${name.padEnd(8)} ${text('perSecond', 0).padStart(6)} requests/s, p50 ${text('p50Ms', 2)} ms, p99 ${text('p99Ms', 2)} ms, ` +
      `${text('ownMicroseconds', 0)} us of processor time for each\n`,
  );
}
const [ingress = [], smallest = []] = [rounds.get('ingress'), rounds.get('smallest')];
const share = (key: keyof Figures): string => `${((middle(ingress, key) / middle(smallest, key)) * 100).toFixed(0)}%`;
process.stdout.write(
  `ingress: p50=${middle(ingress, 'p50Ms').toFixed(2)} ms p99=${middle(ingress, 'p99Ms').toFixed(2)} ms, ` +
    `${middle(ingress, 'perSecond').toFixed(0)} requests/s (${share('perSecond')} of the smallest proxy), ` +
    `${middle(ingress, 'ownMicroseconds').toFixed(0)} us each (${share('ownMicroseconds')})\n`,
);
