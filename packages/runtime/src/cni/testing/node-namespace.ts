import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { SystemClock } from '@keelson/base';
import type { NetworkUnderTest } from '../../testing/pod-network-contract.ts';
import { NetworkNamespaces } from '../../network-namespaces.ts';
import { cniAvailable } from '../cni-available.ts';
import { CniNetwork, type CniNetworkOptions } from '../cni-network.ts';

const run = promisify(execFile);

/** Why there can be no real network here; `undefined` if there can. */
export const noCni = ((): string | undefined => {
  const cni = cniAvailable();
  return cni.available ? undefined : `${cni.why}: run tools/lab/install cni`;
})();

/** A node of its own, away from the machine's network: a network namespace in which plugins work on other namespaces. */
export class NodeNamespace implements NetworkUnderTest {
  readonly directory: string;
  readonly #namespaces: NetworkNamespaces;
  readonly #node: string;

  private constructor(directory: string, namespaces: NetworkNamespaces, node: string) {
    this.directory = directory;
    this.#namespaces = namespaces;
    this.#node = node;
  }

  static async make(): Promise<NodeNamespace> {
    const directory = await mkdtemp(join(tmpdir(), 'keelson-cni-'));
    const namespaces = new NetworkNamespaces(join(directory, 'namespaces'));
    return new NodeNamespace(directory, namespaces, await namespaces.create('node'));
  }

  /** A range of five addresses, the first of which is the bridge's. */
  async open(more: Partial<CniNetworkOptions> = {}): Promise<CniNetwork> {
    const { directory } = this;
    const network = new CniNetwork({
      clock: new SystemClock(),
      stateDir: join(directory, 'state'),
      configDir: join(directory, 'net.d'),
      nodeNamespace: this.#node,
      ...more,
    });
    await network.setPodCidrs(['10.99.1.0/29']);
    return network;
  }

  async makeNamespace(name: string): Promise<string> {
    return this.#namespaces.create(name);
  }

  async removeNamespace(name: string): Promise<void> {
    await this.#namespaces.remove(name);
  }

  /** What a command prints, run in the node's namespace or in another one. */
  async output(command: readonly string[], namespacePath = this.#node): Promise<string> {
    return (await run('nsenter', [`--net=${namespacePath}`, ...command])).stdout;
  }

  async addressesIn(namespacePath: string, interfaceName: string): Promise<readonly string[]> {
    const out = await this.output(['ip', '-4', '-o', 'addr', 'show'], namespacePath);
    const lines = out.split('\n').map((line) => line.trim().split(/\s+/));
    return lines.filter(([, name]) => name === interfaceName).map(([, , , address = '']) => address.split('/')[0] ?? '');
  }

  async loseInterface(namespacePath: string, interfaceName: string): Promise<void> {
    await this.output(['ip', 'link', 'del', interfaceName], namespacePath);
  }

  async close(): Promise<void> {
    await this.#namespaces.retain(new Set());
    await rm(this.directory, { recursive: true, force: true });
  }
}
