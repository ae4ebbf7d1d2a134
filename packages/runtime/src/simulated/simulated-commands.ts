import { readdir, readFile } from 'node:fs/promises';
import { join, posix } from 'node:path';
import type { Clock } from '@keelson/base';
import type { ContainerConfig } from '../container-runtime.ts';
import { shellSteps } from './shell-words.ts';

/** What commands see of the container that they run in. */
export interface CommandContext {
  readonly config: ContainerConfig;
  readonly hostname: string;
  readonly clock: Pick<Clock, 'now' | 'sleep'>;
  /** What a command that is not known ends with. */
  readonly otherExitCode: number;
  /** Text to be read: all of it, when it is complete. */
  readonly stdin?: () => Promise<string>;
  readonly signal?: AbortSignal | undefined;
}

export interface CommandResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

type Command = (args: readonly string[], context: CommandContext) => CommandResult | Promise<CommandResult>;

/**
 * Answers a command as a small Linux container would: `echo`, `env`, `cat` and `ls` in mounted volumes, `sh -c`... A command that it does not
 * know prints its own line and ends with `otherExitCode`, so that probes by any tool can be scripted.
 */
export async function runCommand(command: readonly string[], context: CommandContext): Promise<CommandResult> {
  const [program = '', ...args] = command;
  const name = posix.basename(program);
  if (isShell(name)) return runShell(args, context);
  const known = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (known) return known(args, context);
  const { otherExitCode } = context;
  return otherExitCode === 0 ? done(`${command.join(' ')}\n`) : { exitCode: otherExitCode, stdout: '', stderr: '' };
}

export function isShell(program: string): boolean {
  return ['sh', 'bash', 'ash', 'dash'].includes(posix.basename(program));
}

const COMMANDS: Readonly<Record<string, Command>> = {
  true: () => done(''),
  ':': () => done(''),
  false: () => failed(1, ''),
  echo: ([first, ...rest]) => (first === '-n' ? done(rest.join(' ')) : done(`${[first ?? '', ...rest].join(' ')}\n`)),
  printf: ([format = '']) => done(format.replaceAll('\\n', '\n').replaceAll('\\t', '\t')),
  env: (_, { config }) => done(config.env.map(({ name, value }) => `${name}=${value}\n`).join('')),
  printenv: ([wanted], { config }) => {
    if (wanted === undefined) return done(config.env.map(({ name, value }) => `${name}=${value}\n`).join(''));
    const found = config.env.findLast(({ name }) => name === wanted);
    return found ? done(`${found.value}\n`) : failed(1, '');
  },
  hostname: (_, { hostname }) => done(`${hostname}\n`),
  pwd: (_, { config }) => done(`${config.workingDir || '/'}\n`),
  whoami: (_, { config }) => done(`${userOf(config) === '0' ? 'root' : userOf(config)}\n`),
  id: (_, { config }) => done(userOf(config) === '0' ? 'uid=0(root) gid=0(root) groups=0(root)\n' : `uid=${userOf(config)}\n`),
  date: (_, { clock }) => done(`${new Date(clock.now()).toUTCString()}\n`),
  sleep: async (amounts, { clock, signal }) => {
    await clock.sleep(
      amounts.map(sleepMs).reduce((sum, ms) => sum + ms, 0),
      signal,
    );
    return done('');
  },
  // There are no loops and no files that grow: what goes on for ever does nothing meanwhile.
  while: goOn,
  until: goOn,
  tail: async (args, context) => {
    if (args.some((arg) => /^-\w*[fF]|^--follow/.test(arg))) return goOn(args, context);
    return done('');
  },
  cat: async (paths, context) => {
    if (paths.length === 0) return done((await context.stdin?.()) ?? '');
    return concatenated('cat', paths, context, (path) => readFile(path, 'utf8'));
  },
  ls: async (args, context) => {
    const paths = args.filter((arg) => !arg.startsWith('-'));
    const names = async (path: string) => (await readdir(path)).filter((name) => !name.startsWith('..')).sort();
    return concatenated('ls', paths.length > 0 ? paths : ['.'], context, async (path) => `${(await names(path)).join('\n')}\n`);
  },
};

const UNIT_MS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

function sleepMs(amount: string): number {
  if (/^inf(inity)?$/i.test(amount)) return Infinity;
  return Number.parseFloat(amount) * (UNIT_MS[amount.at(-1) ?? ''] ?? 1_000) || 0;
}

async function goOn(_: readonly string[], { clock, signal }: CommandContext): Promise<CommandResult> {
  await clock.sleep(Infinity, signal);
  return done('');
}

async function concatenated(
  program: string,
  paths: readonly string[],
  { config, hostname }: CommandContext,
  read: (hostPath: string) => Promise<string>,
): Promise<CommandResult> {
  let [stdout, stderr] = ['', ''];
  for (const path of paths) {
    const absolute = posix.resolve(config.workingDir || '/', path);
    const hostPath = mountedPath(config, absolute);
    if (program === 'cat' && absolute === '/etc/hostname') stdout += `${hostname}\n`;
    else {
      const text = hostPath === undefined ? undefined : await read(hostPath).catch(() => undefined);
      if (text === undefined) stderr += `${program}: ${path}: No such file or directory\n`;
      stdout += text ?? '';
    }
  }
  return { exitCode: stderr === '' ? 0 : 1, stdout, stderr };
}

/** Where a path of the container is on the node, if it is in one of its mounts: the longest one counts. Images have no files here. */
function mountedPath({ mounts }: ContainerConfig, path: string): string | undefined {
  const under = (root: string) => path === root || path.startsWith(root.endsWith('/') ? root : `${root}/`);
  const [mount] = mounts
    .filter(({ containerPath }) => under(posix.normalize(containerPath)))
    .sort((a, b) => b.containerPath.length - a.containerPath.length);
  return mount && !mount.image ? join(mount.hostPath, path.slice(mount.containerPath.length)) : undefined;
}

async function runShell(args: readonly string[], context: CommandContext): Promise<CommandResult> {
  const at = args.findIndex((arg) => /^-\w*c\w*$/.test(arg));
  const line = at < 0 ? await context.stdin?.() : args[at + 1];
  return runShellLine(line ?? '', context);
}

/** Runs what stands in a line, from left to right. `exited` if it says `exit`. */
export async function runShellLine(
  line: string,
  context: CommandContext,
): Promise<CommandResult & { readonly exited?: boolean }> {
  let [exitCode, stdout, stderr] = [0, '', ''];
  const variable = (name: string): string => {
    if (name === '?') return String(exitCode);
    return context.config.env.findLast((each) => each.name === name)?.value ?? (name === 'HOSTNAME' ? context.hostname : '');
  };
  for (const { when, words } of shellSteps(line, variable)) {
    if ((when === 'success' && exitCode !== 0) || (when === 'failure' && exitCode === 0)) continue;
    const [program, code] = words;
    if (program === 'exit') return { exitCode: code === undefined ? exitCode : Number(code) % 256, stdout, stderr, exited: true };
    const result = await runCommand(program === 'exec' ? words.slice(1) : words, context);
    exitCode = result.exitCode;
    stdout += result.stdout;
    stderr += result.stderr;
  }
  return { exitCode, stdout, stderr };
}

function userOf({ security }: ContainerConfig): string {
  return security.user.split(':')[0] || '0';
}

function done(stdout: string): CommandResult {
  return { exitCode: 0, stdout, stderr: '' };
}

function failed(exitCode: number, stderr: string): CommandResult {
  return { exitCode, stdout: '', stderr };
}
