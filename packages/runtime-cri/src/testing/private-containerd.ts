import { execFile, execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { SystemClock } from '@keelson/base';
import { eventually } from '@keelson/base/testing';
import { removeCgroupTree } from '@keelson/runtime';
import { cniAvailable } from '@keelson/runtime/cni';
import type { Program, Programs } from '@keelson/runtime/testing';
import { CriRuntime, type CriRuntimeOptions } from '../cri-runtime.ts';

const LAB = join(import.meta.dirname, '../../../../tools/lab');
const STATE = process.env['LAB_DIR'] ?? join(LAB, '../../.lab');
const run = promisify(execFile);

/** Why there can be no containerd of our own here; `undefined` if there can. */
export const noContainerd = ((): string | undefined => {
  const cni = cniAvailable();
  if (!cni.available) return `${cni.why}: run tools/lab/install containerd`;
  const isInstalled = (process.env['PATH'] ?? '').split(':').some((directory) => existsSync(join(directory, 'containerd')));
  return isInstalled ? undefined : 'no containerd: run tools/lab/install containerd';
})();

/** For the title of a suite: says why it is left out, if it is. */
export const title = (words: string): string => (noContainerd === undefined ? words : `${words} (LEFT OUT: ${noContainerd})`);

const CGROUP_ROOT = `keelson-test-${process.pid}`;

/** A containerd of a test file's own, with `keelson/busybox:1`. */
export class PrivateContainerd implements AsyncDisposable {
  readonly endpoint: string;
  readonly directory: string;
  /** Out of what tests of other runtimes don't use. */
  readonly podCidr = `10.${208 + (process.pid % 32)}.${Math.floor(process.pid / 32) % 256}.0/24`;
  readonly #name: string;
  readonly #bridge = `klc${process.pid}`;

  private constructor(name: string) {
    this.#name = name;
    this.directory = `${STATE}/containerd/${name}`;
    this.endpoint = `unix://${this.directory}/sock`;
  }

  static async start(): Promise<PrivateContainerd> {
    removeLeftOvers();
    await run(join(LAB, 'images'), ['pause', 'busybox']);
    const containerd = new PrivateContainerd(`test-${process.pid}`);
    await containerd.up();
    return containerd;
  }

  /** A runtime with the default network, whose pods have addresses of this process alone. */
  async runtime(more: Partial<CriRuntimeOptions> = {}): Promise<CriRuntime> {
    const runtime = new CriRuntime({
      clock: new SystemClock(),
      endpoint: this.endpoint,
      cgroupRoot: CGROUP_ROOT,
      logRoot: join(this.directory, 'logs'),
      defaultNetwork: { bridge: this.#bridge, stateDir: join(this.directory, 'network') },
      ...more,
    });
    await runtime.setPodCidrs([this.podCidr]);
    await eventually(async () => (await runtime.info()).network?.ready);
    return runtime;
  }

  /** Starts it again after a kill; its containers have gone on. */
  async up(): Promise<void> {
    await run(join(LAB, 'containerd'), ['up', this.#name]);
  }

  /** As if it had crashed. */
  async kill(): Promise<void> {
    await run(join(LAB, 'containerd'), ['kill', this.#name]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await run(join(LAB, 'containerd'), ['down', this.#name]);
    await run('ip', ['link', 'del', this.#bridge]).catch(() => undefined);
    await removeCgroupTree(CGROUP_ROOT);
  }
}

/** Those of test processes that were killed. */
function removeLeftOvers(): void {
  const names = existsSync(join(STATE, 'containerd')) ? readdirSync(join(STATE, 'containerd')) : [];
  for (const name of names) {
    const pid = /^test-(\d+)$/.exec(name)?.[1];
    if (pid !== undefined && !existsSync(`/proc/${pid}`)) execFileSync(join(LAB, 'containerd'), ['down', name]);
  }
}

export const BUSYBOX = 'docker.io/keelson/busybox:1';
/** What it was loaded from. */
export const BUSYBOX_ARCHIVE = join(STATE, 'images/busybox.tar');

const shell = (script: string): Program => ({ command: ['sh', '-c', script] });

/** What containers of `BUSYBOX` are told to do. */
export const shellPrograms: Programs = {
  patient: () => ({ ...shell("trap 'exit 143' TERM; echo ready; while true; do sleep 0.05; done"), ready: 'ready' }),
  stubborn: () => ({ ...shell("trap '' TERM; echo ready; while true; do sleep 1; done"), ready: 'ready' }),
  ending: (_name, exitCode, lines) => shell([...lines.map((line) => `echo ${line}`), `exit ${exitCode}`].join('; ')),
};
