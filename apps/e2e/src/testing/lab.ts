import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { must, run, start, type Output, type RunOptions } from './run.ts';
import type { ChildProcess } from 'node:child_process';

export const ROOT = join(import.meta.dirname, '../../../..');

const lab = (script: string): string => join(ROOT, 'tools/lab', script);

/** Why suites that need root and Docker are left out here; `undefined` where they run. */
export const withoutRoot = process.platform === 'linux' && process.getuid?.() === 0 ? undefined : 'LEFT OUT: needs root on Linux';

const PYTHON_CLIENT = '/usr/lib/python3/dist-packages/kubernetes';

/** Why suites of Python's client library are left out here; `undefined` where they run. */
export const withoutPython = existsSync(PYTHON_CLIENT) ? undefined : "LEFT OUT: needs Debian's python3-kubernetes";

/** Files of `docker save` with images of the lab, made if they are not there. */
export async function imageArchives(names: readonly string[]): Promise<readonly string[]> {
  await must(lab('images'), names, { timeoutMs: 300_000 });
  const state = process.env['LAB_DIR'] ?? join(ROOT, '.lab');
  return names.map((name) => join(state, 'images', `${name}.tar`));
}

/** A machine of its own, with network and packet rules that nobody else sees. */
export class BareMachine implements AsyncDisposable {
  readonly name: string;

  protected constructor(name: string) {
    this.name = name;
  }

  static async up(prefix: string): Promise<BareMachine> {
    return new BareMachine(await bootMachine(prefix));
  }

  /** The variables that every program in it is given. */
  get env(): Readonly<Record<string, string>> {
    return {};
  }

  run(file: string, args: readonly string[], options: RunOptions = {}): Promise<Output> {
    return run(lab('machine'), this.#inside(file, args), { ...options, env: { ...this.env, ...options.env } });
  }

  must(file: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
    return must(lab('machine'), this.#inside(file, args), { ...options, env: { ...this.env, ...options.env } });
  }

  start(file: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): ChildProcess {
    return start(lab('machine'), this.#inside(file, args), { ...this.env, ...env });
  }

  /** `kill`: of containerd alone, with its containers going on; `up` starts it, also again, and gives its address. */
  async containerd(command: 'up' | 'kill' | 'down'): Promise<string> {
    return (await this.must(lab('containerd'), [command, this.name], { timeoutMs: 300_000 })).trim();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await must(lab('machine'), ['down', this.name], { timeoutMs: 300_000 });
  }

  #inside(file: string, args: readonly string[]): string[] {
    return ['exec', this.name, file, ...args];
  }
}

/** A machine with a Docker engine. */
export class Machine extends BareMachine {
  readonly dockerHost: string;

  private constructor(name: string, dockerHost: string) {
    super(name);
    this.dockerHost = dockerHost;
  }

  static override async up(prefix: string): Promise<Machine> {
    const name = await bootMachine(prefix);
    const output = await must(lab('machine'), ['exec', name, lab('docker'), 'up', name], { timeoutMs: 300_000 });
    return new Machine(name, output.trim().split('\n').at(-1) ?? '');
  }

  override get env(): Readonly<Record<string, string>> {
    return { DOCKER_HOST: this.dockerHost };
  }

  /** `kill`: of the engine alone, with its containers going on; `up` brings it back. */
  async docker(command: 'kill' | 'up'): Promise<void> {
    await this.must(lab('docker'), [command, this.name], { timeoutMs: 300_000 });
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    await this.must(lab('docker'), ['down', this.name], { timeoutMs: 300_000 }).catch(() => undefined);
    await super[Symbol.asyncDispose]();
  }
}

async function bootMachine(prefix: string): Promise<string> {
  const name = `${prefix}-${randomBytes(3).toString('hex')}`;
  await must(lab('images'), [], { timeoutMs: 300_000 });
  await must(lab('machine'), ['up', name], { timeoutMs: 300_000 });
  return name;
}

/** A Docker engine of its own in the network of this machine, so that its pods are reached from here. */
export class DockerEngine implements AsyncDisposable {
  readonly name: string;
  readonly host: string;

  private constructor(name: string, host: string) {
    this.name = name;
    this.host = host;
  }

  static async up(prefix: string): Promise<DockerEngine> {
    const name = `${prefix}-${randomBytes(3).toString('hex')}`;
    await must(lab('images'), ['pause', 'busybox'], { timeoutMs: 300_000 });
    const output = await must(lab('docker'), ['up', name], { timeoutMs: 300_000 });
    return new DockerEngine(name, output.trim().split('\n').at(-1) ?? '');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await must(lab('docker'), ['down', this.name], { timeoutMs: 300_000 });
  }
}

/** A machine beside another one, with nothing but a cable to it: who comes from outside. */
export class Outside implements AsyncDisposable {
  /** Of the machine at the other end. */
  readonly address = '198.18.0.1';
  readonly #name: string;

  private constructor(name: string) {
    this.#name = name;
  }

  static async up(machine: Machine): Promise<Outside> {
    const name = `outside-${randomBytes(3).toString('hex')}`;
    await must(lab('machine'), ['up', name], { timeoutMs: 300_000 });
    await must(lab('machine'), ['link', machine.name, name]);
    return new Outside(name);
  }

  run(file: string, args: readonly string[], options: RunOptions = {}): Promise<Output> {
    return run(lab('machine'), ['exec', this.#name, file, ...args], options);
  }

  must(file: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
    return must(lab('machine'), ['exec', this.#name, file, ...args], options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await must(lab('machine'), ['down', this.#name], { timeoutMs: 300_000 });
  }
}

/** A real etcd cluster on this machine. */
export class Etcd implements AsyncDisposable {
  readonly #name: string;
  /** As `keelson up --store` takes it. */
  readonly url: string;

  private constructor(name: string, url: string) {
    this.#name = name;
    this.url = url;
  }

  static async up(prefix: string, members: number): Promise<Etcd> {
    const name = `${prefix}-${randomBytes(3).toString('hex')}`;
    const output = await must(lab('etcd'), ['up', name, `${members}`], { timeoutMs: 300_000 });
    const hosts = output
      .trim()
      .split('\n')
      .map((endpoint) => new URL(endpoint).host);
    const tls = join(process.env['LAB_DIR'] ?? join(ROOT, '.lab'), 'etcd', name, 'tls');
    return new Etcd(name, `etcd://${hosts.join(',')}?ca=${tls}/ca.crt&cert=${tls}/client.crt&key=${tls}/client.key`);
  }

  async member(command: 'kill' | 'start' | 'pause' | 'resume', member: number): Promise<void> {
    await must(lab('etcd'), [command, this.#name, `${member}`]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await must(lab('etcd'), ['down', this.#name]);
  }
}

/** The path of an unmodified kubectl. */
export async function kubectlPath(version: '1.20' | '1.35'): Promise<string> {
  return (await must(lab('kubectl'), [version], { timeoutMs: 300_000 })).trim();
}
