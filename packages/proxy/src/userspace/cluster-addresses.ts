import { isIPv6 } from 'node:net';
import { errorMessage } from '@keelson/base';
import { runOrThrow, type CommandRunner } from '../command-runner.ts';
import type { SyncProblem } from '../proxy-mode.ts';

/**
 * Cluster IPs on the loopback interface, told from all other addresses by an interface label. IPv4 only, since the kernel has no labels
 * for IPv6.
 */
export class ClusterAddresses {
  readonly #run: CommandRunner;
  readonly #label: string;
  #present: ReadonlySet<string> | undefined;
  #missing: ReadonlySet<string> = new Set();
  #refusal: string | undefined;
  /** Not even allowed to ask. */
  #forbidden = false;

  constructor(run: CommandRunner, label: string) {
    this.#run = run;
    this.#label = label;
  }

  /** Ours, as far as is known. */
  get present(): ReadonlySet<string> {
    return this.#present ?? new Set();
  }

  /** Those that are wanted and could not be added. */
  get missing(): ReadonlySet<string> {
    return this.#missing;
  }

  /** Looks at what is there, from an earlier life too: the first time, and whenever `again` says so. */
  async look(again: boolean): Promise<void> {
    if (this.#present && !again) return;
    this.#refusal = undefined;
    this.#forbidden = false;
    try {
      this.#present = await this.#list();
    } catch (error) {
      this.#refusal = errorMessage(error);
      this.#forbidden = true;
      this.#present = new Set();
    }
  }

  /** Adds and removes until ours are those of `wanted`, or as many of them as can be had. Returns whether anything was different. */
  async use(wanted: ReadonlySet<string>): Promise<boolean> {
    const before = this.present;
    const remove = [...before].filter((address) => !wanted.has(address));
    const add = [...wanted].filter((address) => !before.has(address));
    // Where it is forbidden it is not tried again with each change, only after each new look.
    if (remove.length + add.length > 0 && !this.#forbidden) await this.#change(add, remove);
    this.#missing = new Set([...wanted].filter((address) => !this.present.has(address)));
    return before !== this.present;
  }

  /** At most one, however many addresses are missing, and in the same words each time. */
  problems(): readonly SyncProblem[] {
    if (this.#missing.size === 0) return [];
    const why = this.#refusal ?? 'IPv6 addresses on the loopback interface can not be told from those of others';
    const message = `Cluster IPs are not served, since they can not be put on the loopback interface (${why})`;
    const advice = 'run as root or with CAP_NET_ADMIN, or take a service range that is local to the node; node ports are served';
    return [this.#forbidden ? { message: `${message}: ${advice}`, lasting: true } : { message }];
  }

  /** Rejects if not all of ours could be removed. */
  async removeAll(): Promise<void> {
    const addresses = await this.#list();
    if (addresses.size > 0) await runOrThrow(this.#run, this.#batch([...addresses].map((one) => `addr del ${one}/32 dev lo`)));
    this.#present = undefined;
  }

  async #change(add: readonly string[], remove: readonly string[]): Promise<void> {
    const lines = [
      ...remove.map((address) => `addr del ${address}/32 dev lo`),
      // Scope "host" keeps the kernel from using the address as the source of other traffic.
      ...add.filter((one) => !isIPv6(one)).map((address) => `addr add ${address}/32 dev lo label ${this.#label} scope host`),
    ];
    if (lines.length === 0) return;
    this.#refusal = undefined;
    try {
      await runOrThrow(this.#run, this.#batch(lines));
      this.#present = new Set([...this.present, ...add.filter((one) => !isIPv6(one))]).difference(new Set(remove));
    } catch (error) {
      await this.look(true);
      this.#refusal = firstLine(errorMessage(error));
      this.#forbidden ||= this.#refusal.includes('not permitted');
    }
  }

  #batch(lines: readonly string[]) {
    return { file: 'ip', args: ['-force', '-batch', '-'], input: `${lines.join('\n')}\n` };
  }

  async #list(): Promise<Set<string>> {
    const args = ['-4', '-o', 'addr', 'show', 'dev', 'lo', 'label', this.#label];
    const stdout = await runOrThrow(this.#run, { file: 'ip', args });
    return new Set([...stdout.matchAll(/ inet ([0-9.]+)/g)].map(([, address = '']) => address));
  }
}

function firstLine(text: string): string {
  return text.split('\n')[0] ?? text;
}
