import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { runCommand, runOrThrow, type Command, type CommandResult } from '../command-runner.ts';
import type { SyncReport } from '../proxy-mode.ts';
import { NamespaceShell } from './namespace-shell.ts';
import type { IpFamily, ServicePort } from '../service-map.ts';

export interface AgentCalls {
  serveTcp(name: string, port: number): Promise<void>;
  serveUdp(name: string, port: number): Promise<void>;
  askTcp(host: string, port: number, line: string, timeoutMs: number): Promise<string>;
  hold(id: string, host: string, port: number): Promise<void>;
  askHeld(id: string, line: string, timeoutMs: number): Promise<string>;
  /** Connections one after the other, `streams` at a time, each with a question and its answer, until `endLoad`. */
  startLoad(id: string, at: { host: string; port: number; streams: number }): Promise<void>;
  endLoad(id: string): Promise<LoadResult>;
  askUdp(from: { localPort: number; host: string; port: number; timeoutMs: number }, line: string): Promise<string>;
  /** Answers the health checks of these from now on. */
  answerHealthChecks(ports: readonly ServicePort[]): Promise<void>;
  /** `status local-endpoints`, or the code of the error. */
  askHealth(host: string, port: number): Promise<string>;
  userspaceSync(ports: readonly ServicePort[], full: boolean, family?: IpFamily): Promise<SyncReport>;
  userspaceClose(family?: IpFamily): Promise<void>;
  userspaceCleanup(family?: IpFamily): Promise<void>;
}

export interface LoadResult {
  readonly answers: Readonly<Record<string, number>>;
  /** Why there was none, by how often. */
  readonly failures: Readonly<Record<string, number>>;
}

export interface AgentCall {
  readonly id: number;
  readonly call: keyof AgentCalls;
  readonly args: readonly unknown[];
}

interface AgentAnswer {
  readonly id: number;
  readonly result?: unknown;
  readonly error?: string;
}

const ANSWER_MS = 60_000;
const SILENCE_MS = 700;
/** Beside this file, or beside the bundle that this file is in. */
const AGENT = import.meta.url.endsWith('.ts') ? 'agent.ts' : 'agent.js';
let labs = 0;

/** A network namespace with a process of ours in it. */
export class Machine {
  readonly name: string;
  readonly address: string;
  readonly #agent: ChildProcess;
  readonly #shell: NamespaceShell;
  readonly #waiting = new Map<number, (answer: AgentAnswer) => void>();
  #calls = 0;

  private constructor(name: string, address: string, agent: ChildProcess) {
    this.name = name;
    this.address = address;
    this.#agent = agent;
    this.#shell = new NamespaceShell(name);
    agent.on('message', (answer: AgentAnswer) => this.#waiting.get(answer.id)?.(answer));
  }

  /** With `address` in its subnet of 24 bits, and `fd00:200:1::` with the same last byte. */
  static async boot(name: string, address: string): Promise<Machine> {
    await runOrThrow(runCommand, { file: 'ip', args: ['netns', 'add', name] });
    const script = fileURLToPath(new URL(AGENT, import.meta.url));
    const args = [`--net=/run/netns/${name}`, process.execPath, '--conditions=keelson-source', script];
    const agent = spawn('nsenter', args, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
    const machine = new Machine(name, address, agent);
    await Promise.all([once(agent, 'message'), machine.sh('ip link set lo up')]);
    return machine;
  }

  /** Runs a program in the namespace, one at a time. */
  readonly run = (command: Command): Promise<CommandResult> => this.#shell.run(command);

  async sh(script: string): Promise<string> {
    return runOrThrow(this.run, { file: 'sh', args: ['-ec', script] });
  }

  async call<K extends keyof AgentCalls>(
    call: K,
    ...args: Parameters<AgentCalls[K]>
  ): Promise<Awaited<ReturnType<AgentCalls[K]>>> {
    const id = ++this.#calls;
    const answer = await new Promise<AgentAnswer>((resolve) => {
      this.#waiting.set(id, resolve);
      this.#agent.send({ id, call, args } satisfies AgentCall);
    });
    this.#waiting.delete(id);
    if (answer.error !== undefined) throw new Error(answer.error);
    return answer.result as Awaited<ReturnType<AgentCalls[K]>>;
  }

  /** `server client-address`, or why there was no answer. */
  async tcp(host: string, port: number, { silence = false } = {}): Promise<string> {
    return (await this.call('askTcp', host, port, 'x', silence ? SILENCE_MS : ANSWER_MS)).replace(/ x$/, '');
  }

  async udp(localPort: number, host: string, port: number, { silence = false } = {}): Promise<string> {
    const timeoutMs = silence ? SILENCE_MS : ANSWER_MS;
    return (await this.call('askUdp', { localPort, host, port, timeoutMs }, 'x')).replace(/ x$/, '');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const gone = this.#agent.exitCode === null ? once(this.#agent, 'exit') : undefined;
    this.#agent.kill('SIGKILL');
    await gone;
    await this.#shell[Symbol.asyncDispose]();
    await runOrThrow(runCommand, { file: 'ip', args: ['netns', 'del', this.name] });
  }
}

/**
 * A node with two pods on a bridge, and a neighbour of the node, each a network namespace:
 *
 *     pod-a 10.200.1.2 ─┐
 *                       ├─ node: cbr0 10.200.1.1, eth0 192.0.2.1 ── outside 192.0.2.2
 *     pod-b 10.200.1.3 ─┘
 *
 * Each pod serves TCP and UDP on port 8080 under its name. Over IPv6 the pods and the bridge are `fd00:200:1::` with the same last number.
 */
export class NetworkLab implements AsyncDisposable {
  readonly node: Machine;
  readonly podA: Machine;
  readonly podB: Machine;
  readonly outside: Machine;

  private constructor(node: Machine, podA: Machine, podB: Machine, outside: Machine) {
    this.node = node;
    this.podA = podA;
    this.podB = podB;
    this.outside = outside;
  }

  static async open(): Promise<NetworkLab> {
    await removeLeftovers();
    const prefix = `keelson-proxy-${process.pid}-${++labs}`;
    const [node, podA, podB, outside] = await Promise.all([
      Machine.boot(`${prefix}-node`, '192.0.2.1'),
      Machine.boot(`${prefix}-pod-a`, '10.200.1.2'),
      Machine.boot(`${prefix}-pod-b`, '10.200.1.3'),
      Machine.boot(`${prefix}-outside`, '192.0.2.2'),
    ]);
    const lab = new NetworkLab(node, podA, podB, outside);
    await lab.#wireUp();
    return lab;
  }

  async #wireUp(): Promise<void> {
    const { node, podA, podB, outside } = this;
    await node.sh(
      'ip link add cbr0 type bridge; ip addr add 10.200.1.1/24 dev cbr0; ip link set cbr0 up; ip -6 addr add fd00:200:1::1/64 dev cbr0 nodad',
    );
    await wire(node, podA, 'veth-a', 'master cbr0');
    await wire(node, podB, 'veth-b', 'master cbr0');
    await wire(node, outside, 'eth0', '');
    await node.sh('ip addr add 192.0.2.1/24 dev eth0; ip route add default via 192.0.2.2; ip -6 route add default dev eth0');
    await serveAs('a', podA);
    await serveAs('b', podB);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const machine of [this.podA, this.podB, this.outside, this.node]) await machine[Symbol.asyncDispose]();
  }
}

async function serveAs(name: string, pod: Machine): Promise<void> {
  const ip6 = `fd00:200:1::${pod.address.split('.')[3]}`;
  await pod.sh(
    `ip route add default via 10.200.1.1; ip -6 addr add ${ip6}/64 dev eth0 nodad; ip -6 route add default via fd00:200:1::1`,
  );
  await Promise.all([pod.call('serveTcp', name, 8080), pod.call('serveUdp', name, 8080)]);
}

/** Deletes the namespaces of runs that were killed: those that bear the id of a process that is no more. */
async function removeLeftovers(): Promise<void> {
  const names = await runOrThrow(runCommand, { file: 'ip', args: ['netns', 'list'] });
  for (const [name, pid] of names.matchAll(/^keelson-proxy-(\d+)-\S+/gm)) {
    if (!existsSync(`/proc/${pid}`)) await runCommand({ file: 'ip', args: ['netns', 'del', name] });
  }
}

async function wire(node: Machine, machine: Machine, device: string, options: string): Promise<void> {
  await node.sh(`ip link add ${device} type veth peer name eth0 netns ${machine.name}; ip link set ${device} ${options} up`);
  await machine.sh(`ip addr add ${machine.address}/24 dev eth0; ip link set eth0 up`);
}

/** Why there can be no lab here; empty if there can. */
export async function labObstacle(...programs: readonly string[]): Promise<string> {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'needs root on Linux';
  const name = `keelson-proxy-${process.pid}-try`;
  const tries = [['ip', 'netns', 'add', name], ['ip', 'netns', 'del', name], ...programs.map((one) => [one, '--version'])];
  for (const [file = '', ...args] of tries) {
    const code = await runCommand({ file, args }).then(
      (result) => result.code,
      () => -1,
    );
    if (code !== 0) return `needs "${file}" and the right to make network namespaces`;
  }
  return '';
}
