import { runOrThrow, type CommandRunner } from '../command-runner.ts';
import type { IpFamily } from '../service-map.ts';

/** The device that has the addresses of services, so that the kernel takes in what is sent to them. The name is kube-proxy's. */
export const DEVICE = 'kube-ipvs0';

export class DummyDevice {
  readonly #run: CommandRunner;
  readonly #family: IpFamily;

  constructor(run: CommandRunner, family: IpFamily) {
    this.#run = run;
    this.#family = family;
  }

  /** Makes it, if it is not there. Returns the addresses that it has. */
  async open(): Promise<ReadonlySet<string>> {
    if ((await this.#show('link')).code !== 0) {
      await runOrThrow(this.#run, { file: 'ip', args: ['link', 'add', DEVICE, 'type', 'dummy'] });
    }
    return this.addresses();
  }

  /** Empty if there is no device. */
  async addresses(): Promise<ReadonlySet<string>> {
    const { code, stdout } = await this.#run({ file: 'ip', args: ['-o', this.#option, 'addr', 'show', 'dev', DEVICE] });
    if (code !== 0) return new Set();
    return new Set([...stdout.matchAll(/ inet6? ([0-9a-f.:]+)\//g)].map(([, address = '']) => address).filter(isNotLinkLocal));
  }

  async change({ add, remove }: { readonly add: Iterable<string>; readonly remove: Iterable<string> }): Promise<void> {
    const bits = this.#family === 'IPv6' ? '128' : '32';
    const rest = this.#family === 'IPv6' ? ' nodad' : '';
    const lines = [
      ...[...add].map((address) => `addr add ${address}/${bits} dev ${DEVICE}${rest}`),
      ...[...remove].map((address) => `addr del ${address}/${bits} dev ${DEVICE}`),
    ];
    if (lines.length > 0) await runOrThrow(this.#run, { file: 'ip', args: ['-batch', '-'], input: `${lines.join('\n')}\n` });
  }

  /** Takes away the addresses of this family, and the device unless the other family needs it. */
  async remove({ isShared }: { readonly isShared: boolean }): Promise<void> {
    if ((await this.#show('link')).code !== 0) return;
    if (isShared) await this.change({ add: [], remove: await this.addresses() });
    else await runOrThrow(this.#run, { file: 'ip', args: ['link', 'del', DEVICE] });
  }

  get #option(): string {
    return this.#family === 'IPv6' ? '-6' : '-4';
  }

  #show(what: string) {
    return this.#run({ file: 'ip', args: [what, 'show', 'dev', DEVICE] });
  }
}

/** The addresses of the node, without those of the loopback and of services. */
export async function nodeAddresses(run: CommandRunner, family: IpFamily): Promise<readonly string[]> {
  const stdout = await runOrThrow(run, {
    file: 'ip',
    args: ['-o', family === 'IPv6' ? '-6' : '-4', 'addr', 'show', 'scope', 'global'],
  });
  return [...stdout.matchAll(/^\d+: (\S+) +inet6? ([0-9a-f.:]+)\//gm)]
    .filter(([, device]) => device !== DEVICE && device !== 'lo')
    .map(([, , address = '']) => address)
    .sort();
}

function isNotLinkLocal(address: string): boolean {
  return !address.startsWith('fe80:');
}
