import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { removeCgroupTree } from '@keelson/runtime';
import { ROOT } from './lab.ts';

/** How a program is started: on this machine, or in one of the lab's. */
export type Starter = (file: string, args: readonly string[], env?: Readonly<Record<string, string>>) => ChildProcess;

const NODE = join(ROOT, 'node_modules/.bin/node');
export const KEELSON = [NODE, join(ROOT, 'apps/keelson/bundle/main.js')] as const;
const READY = /^ready (https:\S+) kubeconfig=(.+)$/;
const START_MS = 180_000;
const STOP_MS = 180_000;

/** A `keelson up` that is ready. */
export class Keelson {
  readonly url: string;
  readonly kubeconfig: string;
  readonly #child: ChildProcess;
  /** Both outputs, for error messages. */
  readonly log: readonly string[];

  private constructor(child: ChildProcess, ready: { readonly url: string; readonly kubeconfig: string }, log: readonly string[]) {
    this.#child = child;
    this.url = ready.url;
    this.kubeconfig = ready.kubeconfig;
    this.log = log;
  }

  /** Resolves at the ready line. Rejects with what it printed if it ends before. */
  static async up(starter: Starter, flags: readonly string[]): Promise<Keelson> {
    const [node, main] = KEELSON;
    const child = starter(node, [main, 'up', ...flags]);
    const log: string[] = [];
    const ready = Promise.withResolvers<{ url: string; kubeconfig: string }>();
    for (const stream of [child.stdout, child.stderr]) {
      if (!stream) continue;
      createInterface({ input: stream }).on('line', (line) => {
        if (log.length < 2_000) log.push(line);
        const found = READY.exec(line);
        if (found?.[1] !== undefined && found[2] !== undefined) ready.resolve({ url: found[1], kubeconfig: found[2] });
      });
    }
    child.once('exit', (code) => ready.reject(new Error(`keelson up ended with ${code}:\n${log.join('\n')}`)));
    const timer = setTimeout(() => ready.reject(new Error(`keelson up is not ready:\n${log.join('\n')}`)), START_MS);
    try {
      return new Keelson(child, await ready.promise, log);
    } catch (error) {
      child.kill('SIGKILL');
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Sends a signal and waits for the end. Gives the exit code; null if the signal ended it. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return this.#child.exitCode;
    const ended = once(this.#child, 'exit', { signal: AbortSignal.timeout(STOP_MS) }) as Promise<[number | null]>;
    this.#child.kill(signal);
    const [code] = await ended;
    return code;
  }
}

/** Takes away the control groups of a cluster that has ended with its machine: the kernel is that of all machines. */
export async function removeCgroupsOf(dataDir: string): Promise<void> {
  const cluster = await readFile(join(dataDir, 'cluster-id'), 'utf8').catch(() => undefined);
  if (cluster !== undefined) await removeCgroupTree(`keelson-${cluster.trim()}`);
}
