import { execFile } from 'node:child_process';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface BareOptions {
  readonly scratch: string;
  readonly archive: string;
  readonly rounds: number;
}

export interface BareStarts {
  readonly what: string;
  readonly ms: readonly number[];
}

/** How long the tools of the machine take for the container of a pod, with a network of its own; `undefined` for what has no bare tools. */
export async function bareStarts(runtime: string, options: BareOptions): Promise<BareStarts | undefined> {
  if (runtime === 'docker') return { what: 'docker run -d', ms: await dockerStarts(options) };
  if (runtime === 'lxc') return { what: 'lxc-start, twice: sandbox and container', ms: await lxcStarts(options) };
  return undefined;
}

async function dockerStarts({ rounds }: BareOptions): Promise<readonly number[]> {
  return timed(rounds, async () => {
    const { stdout } = await run('docker', ['run', '-d', 'keelson/busybox:1', 'sleep', '1000000']);
    return async () => void (await run('docker', ['rm', '-f', stdout.trim()]));
  });
}

const BRIDGE = 'kbench0';

async function lxcStarts({ scratch, archive, rounds }: BareOptions): Promise<readonly number[]> {
  const image = join(scratch, 'bare-image');
  await mkdir(image);
  await run('sh', ['-c', `tar -xOf '${archive}' layer.tar | tar -x -C '${image}'`]);
  await run('ip', ['link', 'add', BRIDGE, 'type', 'bridge']);
  try {
    await run('ip', ['address', 'add', '10.199.199.1/24', 'dev', BRIDGE]);
    await run('ip', ['link', 'set', BRIDGE, 'up']);
    let number = 0;
    return await timed(rounds, async () => {
      const directory = join(scratch, `bare-${(number += 1)}`);
      const network = [
        'lxc.net.0.type = veth',
        `lxc.net.0.link = ${BRIDGE}`,
        'lxc.net.0.flags = up',
        `lxc.net.0.ipv4.address = 10.199.199.${number + 1}/24`,
        'lxc.net.0.ipv4.gateway = 10.199.199.1',
      ];
      await lxcStart({ directory, image, name: `bare${number}-pod`, more: network });
      const shared = [`lxc.namespace.share.net = bare${number}-pod`];
      await lxcStart({ directory, image, name: `bare${number}-app`, more: shared });
      return async () => {
        for (const name of [`bare${number}-app`, `bare${number}-pod`]) await run('lxc-stop', ['-k', '-n', name, '-P', directory]);
        await rm(directory, { recursive: true, force: true });
      };
    });
  } finally {
    await run('ip', ['link', 'delete', BRIDGE]);
  }
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
  await run('lxc-start', ['-d', '-n', name, '-P', directory, '-f', config, '--', '/bin/sleep', '1000000']);
}

/** The time of each start, and none of its removal. */
async function timed(rounds: number, start: () => Promise<() => Promise<void>>): Promise<readonly number[]> {
  const ms: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const beganMs = performance.now();
    const remove = await start();
    ms.push(performance.now() - beganMs);
    await remove();
  }
  return ms;
}
