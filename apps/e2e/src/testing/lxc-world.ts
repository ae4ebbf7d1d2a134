import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KEELSON, Keelson } from './keelson.ts';
import { imageArchives, ROOT } from './lab.ts';
import { must, run, start } from './run.ts';

const [NODE, MAIN] = KEELSON;

/** `keelson up --runtime lxc` on this machine, to be started and killed. One at a time: the range of its pods is always the same. */
export class LxcWorld implements AsyncDisposable {
  readonly directory: string;

  private constructor(directory: string) {
    this.directory = directory;
  }

  static async up(images: readonly string[]): Promise<LxcWorld> {
    const archives = await imageArchives(images);
    await must(join(ROOT, 'tools/lab/install'), ['lxc'], { timeoutMs: 300_000 });
    const world = new LxcWorld(await mkdtemp(join(tmpdir(), 'keelson-lxc-')));
    await must(NODE, [MAIN, 'load-image', ...archives, '--data-dir', world.dataDir], { timeoutMs: 300_000 });
    return world;
  }

  get dataDir(): string {
    return join(this.directory, 'data');
  }

  /** `keelson up`, on the same data each time. */
  keelson(...more: readonly string[]): Promise<Keelson> {
    const flags = ['--runtime', 'lxc', '--data-dir', this.dataDir, ...more];
    return Keelson.up(start, flags);
  }

  /** Takes everything away. Gives the cgroups that are there nevertheless. */
  async reset(): Promise<readonly string[]> {
    const cluster = await readFile(join(this.dataDir, 'cluster-id'), 'utf8').catch(() => 'none');
    await must(NODE, [MAIN, 'reset', '--data-dir', this.dataDir], { timeoutMs: 300_000 });
    const { stdout } = await run('find', ['/sys/fs/cgroup', '-name', `keelson-${cluster.trim()}`]);
    return stdout.split('\n').filter(Boolean);
  }

  /** What pods have left after all of them were deleted: processes, mounts, cgroups, interfaces, files. */
  async leftovers(): Promise<readonly string[]> {
    const cluster = (await readFile(join(this.dataDir, 'cluster-id'), 'utf8')).trim();
    const script = [
      `findmnt -rno TARGET | grep -F '${this.dataDir}/lxc'`,
      `pgrep -af '${this.dataDir}/lxc' | grep -v -e pgrep -e findmnt`,
      `find /sys/fs/cgroup -path '*/keelson-${cluster}/*' -type d '(' -name 'pod*' -o -path '*/lxc.monitor/*' ')'`,
      `ls -d ${this.dataDir}/lxc/{sandboxes,containers,exits}/* 2>/dev/null`,
      `ip -br link show master kl-${cluster.slice(0, 10)}`,
    ].join('; ');
    const { stdout } = await run('bash', ['-c', script]);
    return stdout.split('\n').filter(Boolean);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.reset().catch(() => undefined);
    await rm(this.directory, { recursive: true, force: true });
  }
}
