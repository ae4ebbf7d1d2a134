import { execFile } from 'node:child_process';
import { accessSync, constants, readFileSync, statfsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { errorMessage, KeelsonError } from '@keelson/base';

/** What is to be mounted where. */
export interface MountRequest {
  /** A device, a remote path or, with `type: 'bind'`, a path of this machine. */
  readonly source: string;
  readonly target: string;
  /** `rbind`: with all that is mounted below it, and apart from it: neither sees what is mounted in the other later. */
  readonly type: 'bind' | 'rbind' | 'nfs' | 'tmpfs';
  readonly options?: readonly string[];
}

/** What volumes ask of the machine beside plain files. */
export interface Mounter {
  /** False if this process may not mount: then volumes make do with plain directories, or say that they cannot. */
  readonly canMount: boolean;
  /** A directory whose files are never on a disk, where secrets are kept; absent if there is none. */
  readonly memoryRoot: string | undefined;
  mount(request: MountRequest): Promise<void>;
  /** One mount, whatever is mounted below it. Others of the same files stay as they are. */
  makeReadOnly(target: string): Promise<void>;
  /** Does not wait for those who still use it. */
  unmount(target: string): Promise<void>;
  /** Where something is mounted on this machine, outer before inner. Rejects if that cannot be found out. */
  mountPoints(): Promise<readonly string[]>;
}

const run = promisify(execFile);
/** A server that does not answer must not hold a pod up for ever. */
const TIMEOUT_MS = 120_000;
const CAP_SYS_ADMIN = 1n << 21n;
const TMPFS_MAGIC = 0x01021994;

/** Mounts by the machine's `mount` and `umount`. */
export class SystemMounter implements Mounter {
  readonly canMount = mayMount();
  readonly memoryRoot = memoryRoot();

  async mount({ source, target, type, options = [] }: MountRequest): Promise<void> {
    // A source below /proc/self/fd stands for what was opened, and must not be looked up by name again.
    const how = type === 'bind' || type === 'rbind' ? ['--no-canonicalize', `--${type}`] : ['-t', type];
    const what = options.length === 0 ? [] : ['-o', options.join(',')];
    await this.#run('mount', [...how, ...what, source, target], `mount ${source} on ${target}`);
    if (type === 'rbind') await this.#run('mount', ['--make-rprivate', target], `part ${target} from ${source}`);
  }

  async makeReadOnly(target: string): Promise<void> {
    // What else holds for the mount (nosuid, nodev...) is kept.
    await this.#run('mount', ['-o', 'remount,bind,ro', target], `make ${target} read only`);
  }

  async unmount(target: string): Promise<void> {
    const what = `unmount ${target}`;
    await this.#run('umount', [target], what).catch(() => this.#run('umount', ['-l', target], what));
  }

  async mountPoints(): Promise<readonly string[]> {
    const table = await readFile('/proc/self/mounts', 'utf8');
    return table
      .split('\n')
      .map((line) => line.split(' ')[1] ?? '')
      .filter((path) => path !== '')
      .map((path) => path.replace(/\\([0-7]{3})/g, (_all, code: string) => String.fromCharCode(Number.parseInt(code, 8))));
  }

  async #run(program: string, args: readonly string[], what: string): Promise<void> {
    try {
      await run(program, [...args], { timeout: TIMEOUT_MS });
    } catch (cause) {
      const stderr = String((cause as { readonly stderr?: unknown }).stderr ?? '').trim();
      throw new KeelsonError('ServiceUnavailable', `cannot ${what}: ${stderr || errorMessage(cause)}`, { cause });
    }
  }
}

/** For where nothing may be mounted. */
export const NO_MOUNTS: Mounter = {
  canMount: false,
  memoryRoot: undefined,
  mount: async ({ target }) => {
    throw new KeelsonError('Forbidden', `cannot mount ${target}: this process may not mount anything`);
  },
  makeReadOnly: async () => undefined,
  unmount: async () => undefined,
  mountPoints: async () => [],
};

function mayMount(): boolean {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return false;
  try {
    const [, mask = '0'] = /^CapEff:\s*([0-9a-f]+)/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
    return (BigInt(`0x${mask}`) & CAP_SYS_ADMIN) !== 0n;
  } catch {
    return false;
  }
}

/** One that the machine has anyway: to mount another would leave something behind when this process is killed. */
function memoryRoot(): string | undefined {
  return ['/run', process.env['XDG_RUNTIME_DIR'] ?? '', '/dev/shm'].find((path) => {
    try {
      accessSync(path, constants.W_OK | constants.X_OK);
      return statfsSync(path).type === TMPFS_MAGIC;
    } catch {
      return false;
    }
  });
}
