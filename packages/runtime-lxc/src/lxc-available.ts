import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { errorMessage } from '@keelson/base';

const run = promisify(execFile);
const TIMEOUT_MS = 5000;
const OLDEST = 4;
const PROGRAMS = ['lxc-start', 'lxc-attach'] as const;

export type LxcAvailability =
  | { readonly available: true; readonly version: string }
  | { readonly available: false; readonly why: string };

/** Whether LXC that will do is on this machine, and may be used by this process; if not, why. Never rejects. */
export async function lxcAvailable(): Promise<LxcAvailability> {
  if (process.platform !== 'linux') return { available: false, why: 'LXC needs Linux' };
  if (process.geteuid?.() !== 0) return { available: false, why: 'it needs root' };
  const missing = PROGRAMS.filter((name) => programPath(name) === undefined);
  if (missing.length > 0) return { available: false, why: `${missing.join(' and ')} cannot be found` };
  if (!existsSync('/sys/fs/cgroup')) return { available: false, why: 'there are no cgroups' };
  try {
    const version = await lxcVersion();
    if (Number(version.split('.')[0]) < OLDEST)
      return { available: false, why: `it is version ${version}, and ${OLDEST} is needed` };
    return { available: true, version };
  } catch (error) {
    return { available: false, why: errorMessage(error) };
  }
}

export async function lxcVersion(): Promise<string> {
  const { stdout } = await run(programPath('lxc-start') ?? 'lxc-start', ['--version'], { timeout: TIMEOUT_MS });
  return stdout.trim();
}

/** Also where the path of an ordinary user does not lead. */
export function programPath(name: string): string | undefined {
  const directories = [...(process.env['PATH'] ?? '').split(':'), '/usr/bin', '/usr/sbin', '/usr/local/bin'];
  return directories.map((directory) => join(directory, name)).find((path) => existsSync(path));
}
