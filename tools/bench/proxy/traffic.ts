import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { IptablesMode, NftablesMode, type ProxyMode } from '@keelson/proxy';
import { mapOf, NetworkLab, servicePort, type Machine } from '@keelson/proxy/testing';

const VIP = '10.96.0.10';
const SERVER_PORT = 9_000;
const FORWARDER_PORT = 9_001;
const MAP = mapOf(servicePort({ endpoints: [`10.200.1.2:${SERVER_PORT}`], local: [`10.200.1.2:${SERVER_PORT}`] }));

interface Figures {
  /** New connections a second, each with one request. */
  readonly connections: number;
  readonly connectionP50Ms: number;
  /** Requests a second on connections that are open. */
  readonly requests: number;
  readonly requestP50Ms: number;
  readonly megabytes: number;
}

type Target = readonly [name: string, measure: () => Promise<Figures>];
const ROUNDS = 3;

/** From one pod to another: directly, through each mode, and through the smallest forwarder. They take turns, since the machine may be busy. */
export async function benchTraffic(seconds: number): Promise<string[]> {
  const lab = await NetworkLab.open();
  const server = await start(lab.podA, 'traffic-server.ts', [`${SERVER_PORT}`]);
  const forwarder = await start(lab.node, 'traffic-forwarder.ts', [`${FORWARDER_PORT}`, '10.200.1.2', `${SERVER_PORT}`]);
  try {
    const targets = targetsIn(lab, async (host, port) =>
      JSON.parse(await output(lab.podB, 'traffic-client.ts', [host, `${port}`, `${seconds}`])),
    );
    const figures = new Map<string, Figures[]>(targets.map(([name]) => [name, []]));
    for (let round = 0; round < ROUNDS; round++) {
      for (const [name, measure] of targets) figures.get(name)?.push(await measure());
    }
    return report(figures);
  } finally {
    for (const child of [server, forwarder]) child.kill('SIGKILL');
    await lab[Symbol.asyncDispose]();
  }
}

function targetsIn(lab: NetworkLab, ask: (host: string, port: number) => Promise<Figures>): Target[] {
  const { run } = lab.node;
  const through = (mode: ProxyMode): Target => [
    mode.name,
    async () => {
      await mode.sync(MAP);
      const figures = await ask(VIP, 80);
      await mode.cleanup();
      return figures;
    },
  ];
  return [
    ['direct', () => ask('10.200.1.2', SERVER_PORT)],
    through(new NftablesMode({ run })),
    through(new IptablesMode({ run })),
    [
      'userspace',
      async () => {
        await lab.node.call('userspaceSync', [...MAP.values()], false);
        const figures = await ask(VIP, 80);
        await lab.node.call('userspaceCleanup');
        return figures;
      },
    ],
    ['forwarder', () => ask('10.200.1.1', FORWARDER_PORT)],
  ];
}

function report(figures: ReadonlyMap<string, readonly Figures[]>): string[] {
  const results: string[] = [];
  for (const [name, rounds] of figures) {
    const at = (key: keyof Figures): number => middle(rounds.map((one) => one[key]));
    const [connections, requests, megabytes] = [at('connections'), at('requests'), at('megabytes')].map((one) => one.toFixed(0));
    process.stdout.write(
      `${name.padEnd(10)} ${connections?.padStart(7)} connections/s (p50 ${at('connectionP50Ms').toFixed(2)} ms) ` +
        `${requests?.padStart(7)} requests/s (p50 ${at('requestP50Ms').toFixed(3)} ms) ${megabytes?.padStart(6)} MB/s each way\n`,
    );
    results.push(`${name}:connections=${connections},requests=${requests},MBps=${megabytes}`);
  }
  for (const key of ['connections', 'requests', 'megabytes'] as const) {
    const shares = (figures.get('userspace') ?? []).map(
      (own, round) => own[key] / (figures.get('forwarder')?.[round]?.[key] ?? Number.NaN),
    );
    results.push(`userspace/forwarder.${key}=${(middle(shares) * 100).toFixed(0)}%`);
  }
  return results;
}

function middle(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

function run(machine: Machine, script: string, args: readonly string[]) {
  const command = [`--net=/run/netns/${machine.name}`, process.execPath, join(import.meta.dirname, script), ...args];
  return spawn('nsenter', command, { stdio: ['ignore', 'pipe', 'inherit'] });
}

/** Starts a script that prints something once it is ready. */
async function start(machine: Machine, script: string, args: readonly string[]) {
  const child = run(machine, script, args);
  await once(child.stdout, 'data');
  return child;
}

async function output(machine: Machine, script: string, args: readonly string[]): Promise<string> {
  const child = run(machine, script, args);
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  await once(child, 'close');
  return text;
}
