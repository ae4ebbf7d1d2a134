import { execFile, execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { EtcdTls } from '../options.ts';

const root = join(import.meta.dirname, '../../../..');
const script = join(root, 'tools/lab/etcd');
const run = promisify(execFile);

/** Why there can be no etcd on this machine; undefined if there can. */
export const noEtcd: string | undefined = findEtcd() ? undefined : 'etcd is not installed (tools/lab/install etcd)';

function findEtcd(): boolean {
  try {
    execFileSync('sh', ['-c', 'command -v etcd']);
    return true;
  } catch {
    return false;
  }
}

function directoryOf(name: string): string {
  return join(process.env['LAB_DIR'] ?? join(root, '.lab'), 'etcd', name);
}

/** A real etcd cluster on this machine, of a test's own. */
export class LabEtcd implements AsyncDisposable {
  readonly #name: string;
  readonly access: { readonly endpoints: readonly string[]; readonly tls: EtcdTls };

  private constructor(name: string, endpoints: readonly string[]) {
    this.#name = name;
    const read = (file: string): string =>
      readFileSync(join(process.env['LAB_DIR'] ?? join(root, '.lab'), 'etcd', name, 'tls', file), 'utf8');
    const tls = { ca: read('ca.crt'), certificate: read('client.crt'), privateKey: read('client.key') };
    this.access = { endpoints, tls };
  }

  static async start(name: string, members: number): Promise<LabEtcd> {
    const own = `${name}-${process.pid}`;
    const { stdout } = await run(script, ['up', own, `${members}`]);
    return new LabEtcd(own, stdout.trim().split('\n'));
  }

  /** `kill`, `start`, `pause` or `resume` of a member. */
  async member(command: 'kill' | 'start' | 'pause' | 'resume', member: number): Promise<void> {
    await run(script, [command, this.#name, `${member}`]);
  }

  /** What etcdctl says. */
  control(...args: readonly string[]): string {
    const file = (name: string): string => join(directoryOf(this.#name), 'tls', name);
    const tls = ['--cacert', file('ca.crt'), '--cert', file('client.crt'), '--key', file('client.key')];
    const flags = ['--endpoints', this.access.endpoints.join(','), ...tls];
    return execFileSync('etcdctl', [...flags, ...args], { encoding: 'utf8', env: { ...process.env, ETCDCTL_API: '3' } });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await run(script, ['down', this.#name]);
  }
}
