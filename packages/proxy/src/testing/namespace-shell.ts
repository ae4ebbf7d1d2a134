import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { KeelsonError } from '@keelson/base';
import type { Command, CommandResult } from '../command-runner.ts';

const NOT_FOUND = 127;

/**
 * Runs programs in a network namespace, one at a time, by one shell that stays there: to start them from a process as large as Node is a
 * hundred times dearer in an emulated machine.
 */
export class NamespaceShell implements AsyncDisposable {
  readonly #shell: ChildProcess;
  readonly #files = mkdtempSync(join(tmpdir(), 'keelson-shell-'));
  readonly #codes: AsyncIterator<string>;
  #last: Promise<unknown> = Promise.resolve();

  constructor(namespace: string) {
    this.#shell = spawn('nsenter', [`--net=/run/netns/${namespace}`, 'sh'], { stdio: ['pipe', 'pipe', 'inherit'] });
    const { stdout } = this.#shell;
    if (!stdout) throw new Error('the shell has no output');
    this.#codes = createInterface({ input: stdout })[Symbol.asyncIterator]();
  }

  readonly run = (command: Command): Promise<CommandResult> => {
    const result = this.#last.then(() => this.#run(command));
    this.#last = result.catch(() => undefined);
    return result;
  };

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#last;
    const gone = once(this.#shell, 'exit');
    this.#shell.stdin?.end();
    await gone;
    rmSync(this.#files, { recursive: true });
  }

  async #run({ file, args, input = '' }: Command): Promise<CommandResult> {
    const [stdin = '', stdout = '', stderr = ''] = ['in', 'out', 'err'].map((name) => join(this.#files, name));
    writeFileSync(stdin, input);
    const words = [file, ...args].map(quote).join(' ');
    this.#shell.stdin?.write(`${words} < ${stdin} > ${stdout} 2> ${stderr}; echo $?\n`);
    const { value } = await this.#codes.next();
    const result = { code: Number(value), stdout: readFileSync(stdout, 'utf8'), stderr: readFileSync(stderr, 'utf8') };
    if (result.code === NOT_FOUND) throw new KeelsonError('NotFound', `Cannot run "${file}": there is no such program`);
    return result;
  }
}

function quote(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}
