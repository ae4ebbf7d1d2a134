import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { errorMessage } from '@keelson/base';
import { startProgram } from '@keelson/launcher';
import type { LogLimits } from '@keelson/runtime';

export interface ShimLaunch {
  readonly shim: string;
  /** Of the container or sandbox: where `process` is, and the log and `started` will be. */
  readonly directory: string;
  readonly exitFile: string;
  /** Empty for none. */
  readonly socket: string;
  readonly terminal: boolean;
  readonly input: boolean;
  readonly inputOnce: boolean;
  readonly logLimits: LogLimits;
  readonly command: readonly string[];
}

export type Launched =
  | { readonly started: true; readonly pid: number }
  | { readonly started: false; readonly exitCode: number; readonly message: string };

/** Starts a shim, which goes on without us. Resolves as soon as its process runs, or cannot be started. */
export async function launchShim(launch: ShimLaunch): Promise<Launched> {
  const { shim, directory, exitFile, socket, logLimits, command } = launch;
  const flags = `${launch.terminal ? 't' : ''}${launch.input ? 'i' : ''}${launch.inputOnce ? 'o' : ''}` || '-';
  const { maxFileBytes, maxFiles } = logLimits;
  const args = ['run', flags, directory, exitFile, socket, String(maxFileBytes), String(maxFiles), ...command];
  try {
    const { outputs } = await startProgram({ file: shim, args, files: ['none', 'out', 'none'], isLeft: true });
    return parseLine(await firstLine(outputs[1]));
  } catch (error) {
    return { started: false, exitCode: 128, message: errorMessage(error) };
  }
}

async function firstLine(output: Readable | undefined): Promise<string> {
  let line = '';
  for await (const chunk of output ?? []) {
    line += String(chunk);
    if (line.endsWith('\n')) return line.trimEnd();
  }
  return 'failed 128 the shim has ended at once';
}

function parseLine(line: string): Launched {
  const [, pid] = /^started (\d+) \d+$/.exec(line) ?? [];
  if (pid !== undefined) return { started: true, pid: Number(pid) };
  const [, code = '128', message = line] = /^failed (\d+) (.*)$/.exec(line) ?? [];
  return { started: false, exitCode: Number(code), message };
}

/** What a shim has noted down about its process. */
export interface Beginning {
  readonly pid: number;
  readonly atMs: number;
}

export function beginningOf(directory: string): Beginning | undefined {
  const [, pid, ns] = /^(\d+) (\d+)$/.exec(contentOf(join(directory, 'started'))) ?? [];
  return pid === undefined ? undefined : { pid: Number(pid), atMs: Math.floor(Number(ns) / 1e6) };
}

/** The shim that stays with what is in the directory; `undefined` if there is none (any more). */
export function shimOf(directory: string): number | undefined {
  const pid = Number(contentOf(join(directory, 'shim')) || NaN);
  if (!Number.isInteger(pid)) return undefined;
  // Numbers of processes are used again: its words say whose it is.
  const words = contentOf(`/proc/${pid}/cmdline`).split('\0');
  return words[1] === 'run' && words[3] === directory ? pid : undefined;
}

function contentOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
