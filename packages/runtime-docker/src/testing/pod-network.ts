import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { SystemClock } from '@keelson/base';
import { cniAvailable, CniNetwork } from '@keelson/runtime/cni';

const run = promisify(execFile);

/** Why pods cannot be given networks by CNI here; `undefined` if they can. */
export const noCni = ((): string | undefined => {
  const cni = cniAvailable();
  return cni.available ? undefined : `${cni.why}: run tools/lab/install cni`;
})();

/** A network on this machine for one test process, apart from those of others. */
export class TestNetwork implements AsyncDisposable {
  readonly stateDir: string;
  readonly podCidr = `10.${160 + (process.pid % 32)}.${Math.floor(process.pid / 32) % 256}.0/24`;
  readonly #bridge = `klt${process.pid}`;

  private constructor(stateDir: string) {
    this.stateDir = stateDir;
  }

  static async make(): Promise<TestNetwork> {
    return new TestNetwork(await mkdtemp(join(tmpdir(), 'keelson-network-')));
  }

  /** As a process that starts finds it. */
  async open(): Promise<CniNetwork> {
    const { stateDir } = this;
    const clock = new SystemClock();
    const network = new CniNetwork({ clock, stateDir, configDir: join(stateDir, 'net.d'), bridge: this.#bridge });
    await network.setPodCidrs([this.podCidr]);
    return network;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await (await this.open()).retain(async () => new Set());
    await run('ip', ['link', 'del', this.#bridge]).catch(() => undefined);
    await rm(this.stateDir, { recursive: true, force: true });
  }
}
