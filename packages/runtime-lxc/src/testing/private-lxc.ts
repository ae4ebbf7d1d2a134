import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { SystemClock } from '@keelson/base';
import { eventually } from '@keelson/base/testing';
import { removeCgroupTree, type PodNetwork } from '@keelson/runtime';
import { cniAvailable, CniNetwork } from '@keelson/runtime/cni';
import type { Program, Programs } from '@keelson/runtime/testing';
import { lxcAvailable } from '../lxc-available.ts';
import { LxcRuntime, type LxcRuntimeOptions } from '../lxc-runtime.ts';

const run = promisify(execFile);
const LAB = join(import.meta.dirname, '../../../../tools/lab');
const STATE = process.env['LAB_DIR'] ?? join(LAB, '../../.lab');

/** Why there can be no LXC here; `undefined` if there can. */
export const noLxc = await (async (): Promise<string | undefined> => {
  const lxc = await lxcAvailable();
  if (!lxc.available) return `${lxc.why}: run tools/lab/install lxc`;
  const cni = cniAvailable();
  return cni.available ? undefined : `${cni.why}: run tools/lab/install cni`;
})();

/** For the title of a suite: says why it is left out, if it is. */
export function unless(title: string, reason: string | undefined): string {
  return reason === undefined ? title : `${title} (LEFT OUT: ${reason})`;
}

export const BUSYBOX = 'keelson/busybox:1';

/** A directory for LXC of a test file's own, with `keelson/busybox:1`, and a bridge. */
export class PrivateLxc implements AsyncDisposable {
  readonly directory: string;
  readonly network: PodNetwork;
  readonly #bridge = `kx${process.pid}`;

  private constructor(directory: string) {
    this.directory = directory;
    this.network = new CniNetwork({
      clock: new SystemClock(),
      stateDir: join(directory, 'network'),
      configDir: join(directory, 'net.d'),
      bridge: this.#bridge,
    });
  }

  static async start(): Promise<PrivateLxc> {
    await run(join(LAB, 'images'), ['busybox']);
    const lxc = new PrivateLxc(await mkdtemp(join(tmpdir(), 'keelson-lxc-')));
    // Other ranges than those of tests of other runtimes.
    await lxc.network.setPodCidrs([`10.${100 + (process.pid % 60)}.${Math.floor(process.pid / 60) % 256}.0/24`]);
    const runtime = lxc.open();
    await runtime.images.import(lxc.archive('busybox'));
    await runtime.close();
    return lxc;
  }

  /** Another one on the same state, as after a restart. */
  open(more: Partial<LxcRuntimeOptions> = {}): LxcRuntime {
    return new LxcRuntime({
      clock: new SystemClock(),
      network: this.network,
      rootDir: join(this.directory, 'node'),
      cgroupRoot: this.cgroupRoot,
      ...more,
    });
  }

  get cgroupRoot(): string {
    return `keelson-test-${process.pid}`;
  }

  archive(name: string): string {
    return join(STATE, 'images', `${name}.tar`);
  }

  /** Rejects if pods have left something, after all of them were removed. What was killed may take a moment to go. */
  async expectNothingLeft(): Promise<void> {
    let left: readonly string[] = [];
    const isGone = async (): Promise<boolean> => (left = await this.#leftovers()).length === 0;
    await eventually(isGone, { describe: () => left });
  }

  async #leftovers(): Promise<readonly string[]> {
    const { stdout: mounts } = await run('findmnt', ['-rno', 'TARGET']);
    const { stdout: processes } = await run('ps', ['-eo', 'args']);
    const cgroups = await Promise.all(
      (await readdir('/sys/fs/cgroup')).map((hierarchy) => podsIn(join('/sys/fs/cgroup', hierarchy, this.cgroupRoot))),
    );
    const files = await Promise.all(
      ['sandboxes', 'containers', 'exits'].map((name) => namesIn(join(this.directory, 'node', name))),
    );
    const isOurs = (line: string) => line.includes(this.directory);
    return [...mounts.split('\n').filter(isOurs), ...processes.split('\n').filter(isOurs), ...cgroups.flat(), ...files.flat()];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.network.retain(async () => new Set());
    await run('ip', ['link', 'del', this.#bridge]).catch(() => undefined);
    await removeCgroupTree(this.cgroupRoot);
    await rm(this.directory, { recursive: true, force: true });
  }
}

async function namesIn(directory: string): Promise<readonly string[]> {
  return (await readdir(directory).catch(() => [])).map((name) => join(directory, name));
}

async function podsIn(cgroup: string): Promise<readonly string[]> {
  if (!existsSync(cgroup)) return [];
  const { stdout } = await run('find', [cgroup, '-type', 'd', '(', '-name', 'pod*', '-o', '-path', '*/lxc.monitor/*', ')']);
  return stdout.split('\n').filter(Boolean);
}

export function shell(script: string): Required<Pick<Program, 'command'>> {
  return { command: ['sh', '-c', script] };
}

/** What containers of `BUSYBOX` are told to do. */
export const shellPrograms: Programs = {
  patient: () => ({ ...shell("trap 'exit 143' TERM; echo ready; while true; do sleep 0.05; done"), ready: 'ready' }),
  stubborn: () => ({ ...shell("trap '' TERM; echo ready; while true; do sleep 1; done"), ready: 'ready' }),
  ending: (_name, exitCode, lines) => shell([...lines.map((line) => `echo ${line}`), `exit ${exitCode}`].join('; ')),
};
