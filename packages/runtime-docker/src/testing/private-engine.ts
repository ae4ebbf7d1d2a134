import { execFile, execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { removeCgroupTree } from '@keelson/runtime';
import type { Program, Programs } from '@keelson/runtime/testing';

const LAB = join(import.meta.dirname, '../../../../tools/lab');
const STATE = process.env['LAB_DIR'] ?? join(LAB, '../../.lab');
const run = promisify(execFile);

/** Why there can be no engine of our own here; `undefined` if there can. */
export const noPrivateEngine = ((): string | undefined => {
  if (process.platform !== 'linux') return 'a private Docker engine needs Linux';
  if (process.getuid?.() !== 0) return 'a private Docker engine needs root';
  const isInstalled = (process.env['PATH'] ?? '').split(':').some((directory) => existsSync(join(directory, 'dockerd')));
  return isInstalled || existsSync('/usr/sbin/dockerd') ? undefined : 'no dockerd: run tools/lab/install docker';
})();

/** Why there is no engine to test with at all: one may be given by `KEELSON_TEST_DOCKER_HOST`. */
export const noEngine = process.env['KEELSON_TEST_DOCKER_HOST'] === undefined ? noPrivateEngine : undefined;

/** For the title of a suite: says why it is left out, if it is. */
export function unless(title: string, reason: string | undefined): string {
  return reason === undefined ? title : `${title} (LEFT OUT: ${reason})`;
}

const CGROUP_ROOT = `keelson-test-${process.pid}`;

/** A Docker engine of a test file's own, with `keelson/busybox:1` and `keelson/pause:1`. */
export class PrivateEngine implements TestEngine {
  readonly host: string;
  readonly cgroupRoot = CGROUP_ROOT;
  readonly #name: string;

  private constructor(name: string, host: string) {
    this.#name = name;
    this.host = host;
  }

  static async start(): Promise<PrivateEngine> {
    const name = `test-${process.pid}`;
    removeLeftOvers();
    await run(join(LAB, 'images'), ['pause', 'busybox']);
    const engine = new PrivateEngine(name, `unix://${STATE}/docker/${name}/docker.sock`);
    await engine.up();
    return engine;
  }

  /** Starts it again after a kill; its containers have gone on. */
  async up(): Promise<void> {
    await run(join(LAB, 'docker'), ['up', this.#name]);
  }

  /** As if it had crashed. */
  async kill(): Promise<void> {
    await run(join(LAB, 'docker'), ['kill', this.#name]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await run(join(LAB, 'docker'), ['down', this.#name]);
    await removeCgroupTree(CGROUP_ROOT);
  }
}

/** Where a test's containers are. */
export interface TestEngine extends AsyncDisposable {
  readonly host: string;
  readonly cgroupRoot: string;
}

/** Where to test: the engine that was given, or one of our own, to be disposed of. */
export async function testEngine(): Promise<TestEngine> {
  const given = process.env['KEELSON_TEST_DOCKER_HOST'];
  return given === undefined
    ? PrivateEngine.start()
    : { host: given, cgroupRoot: CGROUP_ROOT, [Symbol.asyncDispose]: () => removeCgroupTree(CGROUP_ROOT) };
}

/** Engines of test processes that were killed. */
function removeLeftOvers(): void {
  const names = existsSync(join(STATE, 'docker')) ? readdirSync(join(STATE, 'docker')) : [];
  for (const name of names) {
    const pid = /^test-(\d+)$/.exec(name)?.[1];
    if (pid !== undefined && !existsSync(`/proc/${pid}`)) execFileSync(join(LAB, 'docker'), ['down', name]);
  }
}

export const BUSYBOX = 'keelson/busybox:1';
/** What it was loaded from, in an engine of our own. */
export const BUSYBOX_ARCHIVE = join(STATE, 'images/busybox.tar');

export function shell(script: string): Required<Pick<Program, 'command'>> {
  return { command: ['sh', '-c', script] };
}

/** What containers of `BUSYBOX` are told to do. */
export const shellPrograms: Programs = {
  patient: () => ({ ...shell("trap 'exit 143' TERM; echo ready; while true; do sleep 0.05; done"), ready: 'ready' }),
  stubborn: () => ({ ...shell("trap '' TERM; echo ready; while true; do sleep 1; done"), ready: 'ready' }),
  ending: (_name, exitCode, lines) => shell([...lines.map((line) => `echo ${line}`), `exit ${exitCode}`].join('; ')),
};
