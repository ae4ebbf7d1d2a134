import { type ChildProcessByStdio, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import type { ClusterConfig } from '@keelson/client';

/** What `load/` is to do; see `job` in load/main.go. */
export interface Job {
  readonly work: string;
  readonly namespace?: string;
  readonly kind?: 'pods' | 'configmaps';
  readonly clients?: number;
  readonly count?: number;
  readonly seconds?: number;
  readonly nodes?: number;
  readonly path?: string;
  readonly query?: string;
  readonly accept?: string;
  readonly limit?: number;
  readonly watchers?: number;
  readonly rate?: number;
  readonly workloads?: number;
  readonly until?: 'created' | 'bound';
}

export interface LoadResult {
  readonly state: 'ready' | 'done' | 'failed';
  readonly ops: number;
  readonly errors: number;
  readonly error?: string;
  readonly seconds: number;
  readonly p50Ms: number;
  readonly p90Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  readonly bytes: number;
  readonly details?: Readonly<Record<string, number>>;
}

/** Builds the load tool into a directory and gives its path. */
export function buildLoadTool(directory: string): string {
  const binary = join(directory, 'load');
  const source = join(import.meta.dirname, 'load');
  const { status, error } = spawnSync('go', ['build', '-o', binary, '.'], { cwd: source, stdio: ['ignore', 2, 2] });
  if (error) throw new Error(`Cannot build the load tool: ${error.message}; it needs Go 1.19 or later (Debian: golang-go)`);
  if (status !== 0) throw new Error('Cannot build the load tool');
  return binary;
}

/** The load tool at work on one server. One job at a time. */
export class LoadTool implements AsyncDisposable {
  readonly #process: ChildProcessByStdio<Writable, Readable, null>;
  readonly #answers: AsyncIterator<string>;

  private constructor(binary: string, target: object) {
    this.#process = spawn(binary, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#answers = createInterface({ input: this.#process.stdout })[Symbol.asyncIterator]();
    this.#send(target);
  }

  static async start(binary: string, config: ClusterConfig): Promise<LoadTool> {
    const { host, hostname } = new URL(config.server);
    return new LoadTool(binary, {
      address: host,
      serverName: config.serverName ?? hostname,
      ca: config.ca,
      certificate: config.certificate,
      key: config.privateKey,
      token: await config.token?.(),
      insecure: config.skipTlsVerify,
    });
  }

  /** `begin` is called between the job's preparation and its work. */
  async run(job: Job, begin: () => void | Promise<void> = () => undefined): Promise<LoadResult> {
    this.#send(job);
    const prepared = await this.#receive();
    if (prepared.state === 'failed') return prepared;
    await begin();
    this.#send({});
    return this.#receive();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#process.exitCode !== null) return;
    const ended = once(this.#process, 'exit');
    this.#process.stdin.end();
    await ended;
  }

  #send(line: object): void {
    this.#process.stdin.write(`${JSON.stringify(line)}\n`);
  }

  async #receive(): Promise<LoadResult> {
    const { done, value } = await this.#answers.next();
    if (done) throw new Error('The load tool has ended');
    return JSON.parse(value) as LoadResult;
  }
}
