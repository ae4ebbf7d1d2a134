import { join } from 'node:path';
import { NodeChild } from '../measure/child.ts';
import { cpuSeconds } from '../measure/processes.ts';
import { LoadTool } from './load-tool.ts';

const SCRIPT = join(import.meta.dirname, '../measure/echo-server.ts');

/** The unit of the figures: what a bare Node HTTPS server spends on a GET of 7 KB, here and now. */
export class Echo implements AsyncDisposable {
  readonly #child: NodeChild;
  readonly #tool: LoadTool;
  #lastMs: number | undefined;

  private constructor(child: NodeChild, tool: LoadTool) {
    this.#child = child;
    this.#tool = tool;
  }

  static async start(binary: string): Promise<Echo> {
    const child = await NodeChild.start({ args: [SCRIPT], ready: /^\{/ });
    const { server, ca } = JSON.parse(child.readyLine) as { server: string; ca: string };
    return new Echo(child, await LoadTool.start(binary, { server, ca, namespace: 'default' }));
  }

  /** CPU milliseconds of one request, of 64 clients: the mean of what it is now and what it was the last time this was called. */
  async around(): Promise<number> {
    if (this.#lastMs === undefined) await this.#load(1); // compiles what is hot
    const before = cpuSeconds([this.#child.pid]);
    const requests = await this.#load(1);
    const nowMs = ((cpuSeconds([this.#child.pid]) - before) * 1000) / requests;
    const lastMs = this.#lastMs ?? nowMs;
    this.#lastMs = nowMs;
    return (lastMs + nowMs) / 2;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#tool[Symbol.asyncDispose]();
    await this.#child[Symbol.asyncDispose]();
  }

  async #load(seconds: number): Promise<number> {
    const { ops, error } = await this.#tool.run({ work: 'read', path: '/', clients: 64, seconds });
    if (error !== undefined) throw new Error(`Cannot measure the echo: ${error}`);
    return ops;
  }
}
