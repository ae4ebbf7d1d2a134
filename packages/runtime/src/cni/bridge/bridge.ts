import { createHash } from 'node:crypto';
import { isIPv6 } from 'node:net';
import type { PluginRunner } from '../plugin-runner.ts';
import type { GivenAddress } from './addresses.ts';
import { runTool } from './run-tool.ts';

/** A bridge that was made sure of. */
export interface Ensured {
  readonly key: string;
  readonly done: Promise<void>;
}

/** A bridge of the node that sends packets of pods on, with an address in each of their ranges. */
export class Bridge {
  readonly #runner: PluginRunner;
  /** What was made sure of last, and is not looked at again. */
  #ensured: Ensured | undefined;

  constructor(runner: PluginRunner) {
    this.#runner = runner;
  }

  /** Gives what `forget` is to be told. */
  async ensure(name: string, ranges: readonly GivenAddress[], signal?: AbortSignal): Promise<Ensured> {
    const addresses = ranges.map(({ gateway, prefixLength }) => `${gateway}/${prefixLength}`);
    const key = [name, ...addresses].join(' ');
    const known = this.#ensured;
    const ensured = known?.key === key ? known : { key, done: this.#make(name, addresses) };
    this.#ensured = ensured;
    ensured.done.catch(() => this.forget(ensured));
    await ensured.done;
    signal?.throwIfAborted();
    return ensured;
  }

  /** It is looked at again the next time, unless somebody has done so since. */
  forget(ensured: Ensured): void {
    if (this.#ensured === ensured) this.#ensured = undefined;
  }

  async #make(name: string, addresses: readonly string[]): Promise<void> {
    const there = await this.#ip('-o', 'address', 'show', 'dev', name).catch(() => undefined);
    // An address of its own: that of its lowest port would change with each pod.
    if (there === undefined) await this.#ip('link', 'add', name, 'address', macOf(name, addresses), 'type', 'bridge');
    await this.#setUp(name, addresses.some(isIPv6Range));
    const has = addressesShown(there ?? '');
    // It follows a node whose range has changed.
    for (const old of has.filter((each) => !addresses.includes(each))) await this.#ip('address', 'del', old, 'dev', name);
    for (const address of addresses.filter((each) => !has.includes(each)))
      await this.#ip('address', 'add', address, 'dev', name, ...(isIPv6Range(address) ? ['nodad'] : ['broadcast', '+']));
    await this.#ip('link', 'set', 'dev', name, 'up');
  }

  async #setUp(name: string, withIPv6: boolean): Promise<void> {
    const settings = [
      [`/proc/sys/net/ipv6/conf/${name}/accept_ra`, '0'],
      ['/proc/sys/net/ipv4/ip_forward', '1'],
      ...(withIPv6 ? [['/proc/sys/net/ipv6/conf/all/forwarding', '1']] : []),
    ];
    // Where there is no such setting there is no such kind of address.
    const script = settings.map(([file, value]) => `if [ -e ${file} ]; then echo ${value} > ${file}; fi`).join('; ');
    await runTool(this.#runner, 'sh', ['-c', script]);
  }

  async #ip(...args: readonly string[]): Promise<string> {
    return runTool(this.#runner, 'ip', args);
  }
}

function isIPv6Range(range: string): boolean {
  return isIPv6(range.split('/')[0] ?? '');
}

/** Without those that the kernel gives by itself. */
function addressesShown(text: string): readonly string[] {
  return text.split('\n').flatMap((line) => / inet6? (\S+\/\d+) .*scope global/.exec(line)?.[1] ?? []);
}

function macOf(name: string, addresses: readonly string[]): string {
  const digits = createHash('sha256')
    .update([name, ...addresses].join(' '))
    .digest('hex')
    .slice(0, 10);
  return `02:${(digits.match(/../g) ?? []).join(':')}`;
}
