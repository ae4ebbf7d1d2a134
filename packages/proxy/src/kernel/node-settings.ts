import { errorMessage } from '@keelson/base';
import { runOrThrow, type CommandRunner } from '../command-runner.ts';
import type { SyncProblem } from '../proxy-mode.ts';
import type { IpFamily } from '../service-map.ts';

const LOCALNET = 'net.ipv4.conf.all.route_localnet';

/** A setting of the kernel that has to be on. */
export interface Setting {
  readonly name: string;
  /** Default 1. */
  readonly value?: string;
  /** What does not work without it. */
  readonly loss: string;
  /** The kernel module that brings it. */
  readonly module?: string;
}

const SETTINGS: Readonly<Record<IpFamily, readonly Setting[]>> = {
  IPv4: [
    { name: 'net.ipv4.ip_forward', loss: 'traffic to Services does not get to pods' },
    {
      name: 'net.bridge.bridge-nf-call-iptables',
      loss: 'pods of one bridge do not reach each other by Services',
      module: 'br_netfilter',
    },
  ],
  IPv6: [
    { name: 'net.ipv6.conf.all.forwarding', loss: 'traffic to Services does not get to pods' },
    {
      name: 'net.bridge.bridge-nf-call-ip6tables',
      loss: 'pods of one bridge do not reach each other by Services',
      module: 'br_netfilter',
    },
  ],
};

/** The kernel settings of the node that rules alone do not replace. */
export class NodeSettings {
  readonly #run: CommandRunner;
  readonly #family: IpFamily;

  constructor(run: CommandRunner, family: IpFamily) {
    this.#run = run;
    this.#family = family;
  }

  /** Turns on what is off. Never rejects: what can't be turned on is a problem. They stay on, since others may rely on them by then. */
  async turnOn(more: readonly Setting[] = []): Promise<readonly SyncProblem[]> {
    const settings = [...SETTINGS[this.#family], ...more];
    const values = await this.#readAll(settings.map((one) => one.name)).catch(() => new Map<string, string>());
    const wrong = settings.filter(({ name, value = '1' }) => values.get(name) !== value);
    const problems = await Promise.all(wrong.map((setting) => this.#turnOn(setting)));
    return problems.filter((problem) => problem !== undefined);
  }

  /** Whether packets from 127.0.0.1 may leave the loopback interface, as node ports on 127.0.0.1 need. */
  async hasLocalnet(): Promise<boolean> {
    return (await this.#read(LOCALNET)) === '1';
  }

  async setLocalnet(on: boolean): Promise<readonly SyncProblem[]> {
    try {
      await this.#write(LOCALNET, on ? '1' : '0');
      return [];
    } catch (error) {
      return [{ message: `Node ports are not served on 127.0.0.1: ${errorMessage(error)}`, lasting: true }];
    }
  }

  async #turnOn({ name, loss, module, value = '1' }: Setting): Promise<SyncProblem | undefined> {
    try {
      // It fails where the module is built in or missing; the setting tells which.
      if (module) await this.#run({ file: 'modprobe', args: [module] }).catch(() => undefined);
      await this.#write(name, value);
      return undefined;
    } catch (error) {
      return { message: `Setting "${name}" is not ${value}, so ${loss}: ${errorMessage(error)}`, lasting: true };
    }
  }

  /** In one go, since each run of a program costs more than all that it reads. What there is not is left out. */
  async #readAll(names: readonly string[]): Promise<ReadonlyMap<string, string>> {
    const { stdout } = await this.#run({ file: 'sysctl', args: ['-e', ...names] });
    return new Map([...stdout.matchAll(/^(\S+) = (.*)$/gm)].map(([, name = '', value = '']) => [name, value]));
  }

  /** Undefined if there is no such setting. */
  async #read(name: string): Promise<string | undefined> {
    const { code, stdout } = await this.#run({ file: 'sysctl', args: ['-n', name] });
    return code === 0 ? stdout.trim() : undefined;
  }

  async #write(name: string, value: string): Promise<void> {
    await runOrThrow(this.#run, { file: 'sysctl', args: ['-w', `${name}=${value}`] });
  }
}
