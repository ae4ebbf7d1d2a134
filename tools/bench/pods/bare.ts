import { execFile } from 'node:child_process';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { startProgram } from '@keelson/launcher';

const run = promisify(execFile);

export interface BareOptions {
  readonly scratch: string;
  readonly archive: string;
}

/** A way to start the container of a pod, with a network of its own, by the tools of the machine. */
export interface BareStart {
  readonly what: string;
  /** Starts it; gives what removes it again. */
  start(round: number): Promise<() => Promise<void>>;
}

export interface Bare extends AsyncDisposable {
  readonly starts: readonly BareStart[];
}

/** What there is to compare a runtime with; nothing for what has no bare tools. */
export async function openBare(runtime: string, options: BareOptions): Promise<Bare> {
  if (runtime === 'lxc') return openLxc(options);
  const starts = runtime === 'docker' ? [{ what: 'docker run -d', start: dockerStart }] : [];
  return { starts, [Symbol.asyncDispose]: async () => undefined };
}

/** Milliseconds that a start takes, and not its removal. */
export async function timed({ start }: BareStart, round: number): Promise<number> {
  const beganMs = performance.now();
  const remove = await start(round);
  const tookMs = performance.now() - beganMs;
  await remove();
  return tookMs;
}

async function dockerStart(): Promise<() => Promise<void>> {
  const { stdout } = await run('docker', ['run', '-d', 'keelson/busybox:1', 'sleep', '1000000']);
  return async () => void (await run('docker', ['rm', '-f', stdout.trim()]));
}

const BRIDGE = 'kbench0';

async function openLxc({ scratch, archive }: BareOptions): Promise<Bare> {
  const image = join(scratch, 'bare-image');
  await mkdir(image);
  await run('sh', ['-c', `tar -xOf '${archive}' layer.tar | tar -x -C '${image}'`]);
  await run('ip', ['link', 'add', BRIDGE, 'type', 'bridge']);
  await run('ip', ['address', 'add', '10.199.199.1/24', 'dev', BRIDGE]);
  await run('ip', ['link', 'set', BRIDGE, 'up']);
  const one = async (round: number) => {
    const directory = join(scratch, `bare-${round}`);
    await lxcStart({ directory, image, name: `bare${round}`, more: networkOf(round) });
    return () => lxcStop(directory, [`bare${round}`]);
  };
  const two = async (round: number) => {
    const directory = join(scratch, `bare-${round}`);
    const [pod, app] = [`bare${round}-pod`, `bare${round}-app`];
    await lxcStart({ directory, image, name: pod, more: networkOf(round) });
    await lxcStart({ directory, image, name: app, more: [`lxc.namespace.share.net = ${pod}`] });
    return () => lxcStop(directory, [app, pod]);
  };
  return {
    starts: [
      { what: 'lxc-start, twice: sandbox and container', start: two },
      { what: 'lxc-start, once', start: one },
    ],
    [Symbol.asyncDispose]: async () => void (await run('ip', ['link', 'delete', BRIDGE])),
  };
}

function networkOf(round: number): readonly string[] {
  return [
    'lxc.net.0.type = veth',
    `lxc.net.0.link = ${BRIDGE}`,
    'lxc.net.0.flags = up',
    `lxc.net.0.ipv4.address = 10.199.199.${(round % 250) + 2}/24`,
    'lxc.net.0.ipv4.gateway = 10.199.199.1',
  ];
}

interface BareContainer {
  readonly directory: string;
  readonly image: string;
  readonly name: string;
  readonly more: readonly string[];
}

async function lxcStart({ directory, image, name, more }: BareContainer): Promise<void> {
  const upper = join(directory, name, 'upper');
  await mkdir(upper, { recursive: true });
  const lines = [
    `lxc.rootfs.path = overlay:${image}:${upper}`,
    'lxc.apparmor.profile = unconfined',
    'lxc.mount.auto = proc:mixed sys:ro cgroup:ro:force',
    'lxc.autodev = 1',
    'lxc.tty.max = 0',
    'lxc.console.path = none',
    ...more,
  ];
  const config = join(directory, name, 'config');
  await writeFile(config, `${lines.join('\n')}\n`);
  // As from a shell: forking this process would count otherwise.
  const args = ['-d', '-n', name, '-P', directory, '-f', config, '--', '/bin/sleep', '1000000'];
  const { code } = await (await startProgram({ file: 'lxc-start', args })).ended;
  if (code !== 0) throw new Error(`lxc-start of ${name} ended with ${code}`);
}

async function lxcStop(directory: string, names: readonly string[]): Promise<void> {
  for (const name of names) await run('lxc-stop', ['-k', '-n', name, '-P', directory]);
  await rm(directory, { recursive: true, force: true });
}
