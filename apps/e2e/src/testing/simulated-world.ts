import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Keelson } from './keelson.ts';
import { start } from './run.ts';
import type { ShellWorld } from './shell-suite.ts';

/** A cluster of three simulated nodes, on this machine. */
export class SimulatedWorld implements AsyncDisposable {
  readonly keelson: Keelson;
  readonly #scratch: string;

  private constructor(keelson: Keelson, scratch: string) {
    this.keelson = keelson;
    this.#scratch = scratch;
  }

  static async up(): Promise<SimulatedWorld> {
    const scratch = await mkdtemp(join(tmpdir(), 'keelson-e2e-'));
    const flags = ['--runtime', 'sim', '--nodes', '3', '--port', '0', '--store', 'memory', '--data-dir', join(scratch, 'data')];
    return new SimulatedWorld(await Keelson.up(start, flags), scratch);
  }

  /** For lines that find `programs` and `files`. */
  shell(programs: readonly string[], files: readonly string[]): ShellWorld {
    return { kubeconfig: this.keelson.kubeconfig, scratch: this.#scratch, programs, files };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.keelson.stop();
    await rm(this.#scratch, { recursive: true, force: true });
  }
}
