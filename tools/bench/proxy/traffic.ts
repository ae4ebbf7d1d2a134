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

/** From one pod to another: directly, through each mode, and through the smallest forwarder. */
export async function benchTraffic(seconds: number): Promise<string[]> {
  const lab = await NetworkLab.open();
  const results: string[] = [];
  const show = async (name: string, host: string, port: number): Promise<Figures> => {
    const figures = JSON.parse(await output(lab.podB, 'traffic-client.ts', [host, `${port}`, `${seconds}`])) as Figures;
    const { connections, connectionP50Ms, requests, requestP50Ms, megabytes } = figures;
    process.stdout.write(
      `${name.padEnd(12)} ${connections.toFixed(0).padStart(7)} connections/s (p50 ${connectionP50Ms.toFixed(2)} ms) ` +
        `${requests.toFixed(0).padStart(7)} requests/s (p50 ${requestP50Ms.toFixed(3)} ms) ${megabytes.toFixed(0).padStart(6)} MB/s each way\n`,
    );
    results.push(`${name}:connections=${connections.toFixed(0)},requests=${requests.toFixed(0)},MBps=${megabytes.toFixed(0)}`);
    return figures;
  };
  const through = async (mode: ProxyMode): Promise<void> => {
    await mode.sync(MAP);
    await show(mode.name, VIP, 80);
    await mode.cleanup();
  };
  const server = await start(lab.podA, 'traffic-server.ts', [`${SERVER_PORT}`]);
  const forwarder = await start(lab.node, 'traffic-forwarder.ts', [`${FORWARDER_PORT}`, '10.200.1.2', `${SERVER_PORT}`]);
  try {
    await show('direct', '10.200.1.2', SERVER_PORT);
    const { run } = lab.node;
    await through(new NftablesMode({ run }));
    await through(new IptablesMode({ run }));
    // These two take turns, so that a machine that is busy for a while does not look like a difference.
    const rounds: [Figures, Figures][] = [];
    for (let round = 0; round < 3; round++) {
      await lab.node.call('userspaceSync', [...MAP.values()], false);
      const own = await show('userspace', VIP, 80);
      await lab.node.call('userspaceCleanup');
      rounds.push([own, await show('forwarder', '10.200.1.1', FORWARDER_PORT)]);
    }
    for (const key of ['connections', 'requests', 'megabytes'] as const) {
      const shares = rounds.map(([own, other]) => own[key] / other[key]).sort((a, b) => a - b);
      results.push(`userspace/forwarder.${key}=${((shares[1] ?? Number.NaN) * 100).toFixed(0)}%`);
    }
  } finally {
    for (const child of [server, forwarder]) child.kill('SIGKILL');
    await lab[Symbol.asyncDispose]();
  }
  return results;
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
