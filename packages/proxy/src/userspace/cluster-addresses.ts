import { createHash } from 'node:crypto';
import { errorMessage } from '@keelson/base';
import { runOrThrow, type CommandRunner } from '../command-runner.ts';
import type { SyncProblem } from '../proxy-mode.ts';
import type { IpFamily } from '../service-map.ts';

/** How addresses of ours are told from all others, in the words of `ip`. */
interface Marks {
  readonly prefix: '/32' | '/128';
  /** What is added with each address. */
  readonly added: string;
  readonly show: readonly string[];
  /** Finds ours in what is shown. */
  readonly shown: RegExp;
}

/** The kernel has labels for IPv4 alone; for IPv6 the metric of an address says as much. */
function marksOf(label: string, family: IpFamily): Marks {
  if (family === 'IPv4') {
    // Scope "host" keeps the kernel from using the address as the source of other traffic.
    const added = `label ${label} scope host`;
    return { prefix: '/32', added, show: ['-4', '-o', 'addr', 'show', 'dev', 'lo', 'label', label], shown: / inet ([0-9.]+)/g };
  }
  const metric = 10_000 + createHash('sha256').update(label).digest().readUInt16BE();
  return {
    prefix: '/128',
    // So does this for IPv6: an address that is not preferred.
    added: `metric ${metric} nodad preferred_lft 0`,
    show: ['-6', '-o', 'addr', 'show', 'dev', 'lo'],
    shown: new RegExp(` inet6 ([0-9a-f:.]+)/128 metric ${metric} `, 'g'),
  };
}

/** Cluster IPs of one family on the loopback interface. */
export class ClusterAddresses {
  readonly #run: CommandRunner;
  readonly #marks: Marks;
  #present: ReadonlySet<string> | undefined;
  #missing: ReadonlySet<string> = new Set();
  #refusal: string | undefined;
  /** Not even allowed to ask. */
  #forbidden = false;

  constructor(run: CommandRunner, label: string, family: IpFamily) {
    this.#run = run;
    this.#marks = marksOf(label, family);
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
    const message = `Cluster IPs are not served, since they can not be put on the loopback interface (${this.#refusal})`;
    const advice = 'run as root or with CAP_NET_ADMIN, or take a service range that is local to the node; node ports are served';
    return [this.#forbidden ? { message: `${message}: ${advice}`, lasting: true } : { message }];
  }

  /** Rejects if not all of ours could be removed. */
  async removeAll(): Promise<void> {
    const addresses = await this.#list();
    const lines = [...addresses].map((one) => `addr del ${one}${this.#marks.prefix} dev lo`);
    if (lines.length > 0) await runOrThrow(this.#run, this.#batch(lines));
    this.#present = undefined;
  }

  async #change(add: readonly string[], remove: readonly string[]): Promise<void> {
    const { prefix, added } = this.#marks;
    const lines = [
      ...remove.map((address) => `addr del ${address}${prefix} dev lo`),
      ...add.map((address) => `addr add ${address}${prefix} dev lo ${added}`),
    ];
    this.#refusal = undefined;
    try {
      await runOrThrow(this.#run, this.#batch(lines));
      this.#present = new Set([...this.present, ...add]).difference(new Set(remove));
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
    const stdout = await runOrThrow(this.#run, { file: 'ip', args: this.#marks.show });
    return new Set([...stdout.matchAll(this.#marks.shown)].map(([, address = '']) => address));
  }
}

function firstLine(text: string): string {
  return text.split('\n')[0] ?? text;
}
