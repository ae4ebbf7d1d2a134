import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Keelson, removeCgroupsOf } from './keelson.ts';
import { Machine } from './lab.ts';
import type { ShellWorld } from './shell-suite.ts';

/** A cluster with real containers, in a machine of its own. */
export class DockerWorld implements AsyncDisposable {
  readonly machine: Machine;
  readonly keelson: Keelson;
  readonly #scratch: string;

  private constructor(machine: Machine, keelson: Keelson, scratch: string) {
    this.machine = machine;
    this.keelson = keelson;
    this.#scratch = scratch;
  }

  static async up(prefix: string, more: readonly string[] = []): Promise<DockerWorld> {
    const machine = await Machine.up(prefix);
    const scratch = await mkdtemp(join(tmpdir(), 'keelson-e2e-'));
    const flags = ['--runtime', 'docker', '--data-dir', dataDirIn(scratch), ...more];
    return new DockerWorld(machine, await Keelson.up((...args) => machine.start(...args), flags), scratch);
  }

  /** For lines that find `programs` and `files`. */
  shell(programs: readonly string[], files: readonly string[]): ShellWorld {
    const { machine, keelson } = this;
    return { kubeconfig: keelson.kubeconfig, scratch: this.#scratch, programs, files, run: (...args) => machine.run(...args) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.keelson.stop();
    await this.machine[Symbol.asyncDispose]();
    await removeCgroupsOf(dataDirIn(this.#scratch));
    await rm(this.#scratch, { recursive: true, force: true });
  }
}

function dataDirIn(scratch: string): string {
  return join(scratch, 'data');
}
