import { eventually } from '@keelson/base/testing';
import { text } from 'node:stream/consumers';
import { it } from 'vitest';
import type {
  ContainerConfig,
  ContainerRuntime,
  ContainerStatus,
  LogOptions,
  RuntimeEvent,
  SandboxConfig,
  SandboxStatus,
} from '../container-runtime.ts';
import { containerConfig, exitCodeOf, outputOf, sandboxConfig, type ContainerChanges } from './configs.ts';

/** How to get a container of a runtime to do something: by its command, or by annotations of its pod. */
export interface Program {
  readonly command?: readonly string[];
  readonly annotations?: Readonly<Record<string, string>>;
  /** What it prints as soon as it does as it should. A signal before that would find a process that has not made up its mind. */
  readonly ready?: string;
}

/** Titles of tests that are not for a runtime, and why. */
export type LeftOut = Readonly<Record<string, string>>;

/** What containers are told to do in the suite. `name` is the container's. */
export interface Programs {
  /** Runs until it is told to stop, and then ends soon with a code other than 137. */
  patient(name: string): Program;
  /** Does not end when it is told to. */
  stubborn(name: string): Program;
  /** Prints the lines, and ends with the code. */
  ending(name: string, exitCode: number, lines: readonly string[]): Program;
}

export interface RuntimeUnderTest {
  readonly runtime: ContainerRuntime;
  readonly programs: Programs;
  /** An image that is there, or can be pulled. */
  readonly image: string;
}

export interface ScriptOptions {
  /** Where to run it, next to others; in a pod of its own if absent, which takes longer. */
  readonly in?: SandboxStatus;
  readonly sandbox?: Partial<SandboxConfig>;
  readonly container?: ContainerChanges;
  /** Changes to the usual, unprivileged security. */
  readonly security?: Partial<ContainerConfig['security']>;
}

/** One runtime for all tests of the suite, and pods of their own for each. */
export class Harness {
  readonly events: RuntimeEvent[] = [];
  readonly #open: () => Promise<RuntimeUnderTest>;
  readonly #prefix = `contract-${process.pid}`;
  /** Those that have not been met. */
  readonly #leftOut: Map<string, string>;
  #under: RuntimeUnderTest | undefined;
  #pods = 0;
  #scripts = 0;

  constructor(open: () => Promise<RuntimeUnderTest>, leftOut: LeftOut = {}) {
    this.#open = open;
    this.#leftOut = new Map(Object.entries(leftOut));
  }

  /** A test of the suite, unless this runtime leaves it out. */
  test(title: string, run: () => Promise<void>): void {
    if (!this.#leftOut.delete(title)) it(title, run);
  }

  /** When all tests are told: what is left out must be one of them. */
  checkLeftOut(): void {
    const [unknown] = this.#leftOut.keys();
    if (unknown !== undefined) throw new Error(`There is no test to leave out that is called "${unknown}"`);
  }

  get runtime(): ContainerRuntime {
    return this.#opened.runtime;
  }

  get image(): string {
    return this.#opened.image;
  }

  get programs(): Programs {
    return this.#opened.programs;
  }

  get #opened(): RuntimeUnderTest {
    if (!this.#under) throw new Error('The runtime under test could not be opened');
    return this.#under;
  }

  async open(): Promise<void> {
    this.#under = await this.#open();
    this.runtime.events$.subscribe((event) => this.events.push(event));
    if (!(await this.runtime.images.find(this.image))) await this.runtime.images.pull(this.image, undefined);
  }

  /** Removes the pods of the suite. */
  async close(): Promise<void> {
    if (!this.#under) return;
    for (const { id, pod } of await this.runtime.listSandboxes()) {
      if (!pod.uid.startsWith(this.#prefix)) continue;
      await this.runtime.stopSandbox(id);
      await this.runtime.removeSandbox(id);
    }
    await this.runtime.close();
  }

  sandboxConfig(more: Partial<SandboxConfig> = {}): SandboxConfig {
    const name = `pod-${(this.#pods += 1)}`;
    const uid = `${this.#prefix}-${this.#pods}`;
    return sandboxConfig(uid, {
      pod: { uid, name, namespace: 'contract' },
      hostname: name,
      labels: { team: 'blue' },
      annotations: { note: 'several words, "quoted"' },
      ...more,
    });
  }

  containerConfig(name: string, more: ContainerChanges = {}): ContainerConfig {
    return containerConfig(this.image, {
      name,
      env: [{ name: 'COLOUR', value: 'blue = green' }],
      labels: { tier: 'front' },
      annotations: { hash: 'abc' },
      ...more,
    });
  }

  /** A sandbox with one container, not yet started. */
  async create(program: Program, name = 'main'): Promise<{ readonly sandbox: SandboxStatus; readonly id: string }> {
    const config = this.sandboxConfig();
    const annotations = { ...config.annotations, ...program.annotations };
    const sandbox = await this.runtime.runSandbox({ ...config, annotations });
    const command = program.command ?? [];
    return { sandbox, id: await this.runtime.createContainer(sandbox.id, this.containerConfig(name, { command })) };
  }

  async start(program: Program, name = 'main'): Promise<{ readonly sandbox: SandboxStatus; readonly id: string }> {
    const made = await this.create(program, name);
    await this.runtime.startContainer(made.id);
    const { ready } = program;
    if (ready !== undefined) await eventually(async () => (await this.logOf(made.id)).includes(ready));
    return made;
  }

  /** A container that runs a shell script; in a pod of its own, unless one is given. Needs an image with a shell. */
  async runScript(
    script: string,
    options: ScriptOptions = {},
  ): Promise<{ readonly sandbox: SandboxStatus; readonly id: string }> {
    const sandbox = options.in ?? (await this.runtime.runSandbox(this.sandboxConfig(options.sandbox)));
    const id = await this.runtime.createContainer(sandbox.id, this.scriptConfig(script, options));
    await this.runtime.startContainer(id);
    return { sandbox, id };
  }

  scriptConfig(script: string, { container, security = {} }: ScriptOptions = {}): ContainerConfig {
    const command = ['sh', '-c', script];
    return this.containerConfig(`script-${(this.#scripts += 1)}`, { command, env: [], security, ...container });
  }

  /** What a command prints in a container. */
  outputOf(id: string, ...command: readonly string[]): Promise<string> {
    return outputOf(this.runtime, id, ...command);
  }

  /** How a command ends in a container. */
  exitCodeOf(id: string, ...command: readonly string[]): Promise<number> {
    return exitCodeOf(this.runtime, id, ...command);
  }

  async logOf(id: string, options: Partial<LogOptions> = {}): Promise<string> {
    return text(await this.runtime.logs(id, { follow: false, timestamps: false, ...options }));
  }

  /** Waits for a container's end. */
  async ended(id: string): Promise<ContainerStatus> {
    return eventually(async () => {
      const status = await this.runtime.containerStatus(id);
      return status.state === 'exited' ? status : undefined;
    });
  }
}
