import { errorMessage } from '@keelson/base';
import { familyOf } from '../addresses.ts';
import { runOrThrow, type CommandRunner } from '../command-runner.ts';
import type { SyncProblem } from '../proxy-mode.ts';
import type { PodRoute } from './desired-routes.ts';

/** Marks routes as ours: what the kernel calls their protocol, a number that no routing daemon has. */
const PROTOCOL = '75';
const FAMILIES = ['-4', '-6'] as const;

interface ListedRoute {
  readonly dst?: string;
  readonly gateway?: string;
}

interface ListedInterface {
  readonly addr_info?: readonly { readonly local?: string }[];
}

/** The node's routes to pods of other nodes. */
export class RouteTable {
  readonly #run: CommandRunner;

  constructor(run: CommandRunner) {
    this.#run = run;
  }

  /** All addresses of the node. */
  async ownAddresses(): Promise<ReadonlySet<string>> {
    const interfaces = await this.#list<ListedInterface>(['addr', 'show']);
    return new Set(interfaces.flatMap(({ addr_info: addresses = [] }) => addresses.flatMap(({ local }) => local ?? [])));
  }

  /** Makes ours these, and leaves all others alone. A route that cannot be made is a problem, and keeps no other from being made. */
  async sync(desired: readonly PodRoute[]): Promise<readonly SyncProblem[]> {
    const there = (await Promise.all(FAMILIES.map((family) => this.#routes(family)))).flat();
    const wanted = new Map(desired.map((route) => [route.range, route.via]));
    const problems: SyncProblem[] = [];
    for (const { range } of there) {
      if (!wanted.has(range)) await this.#change('del', range).catch((error: unknown) => problems.push(problem(range, error)));
    }
    const known = new Map(there.map((route) => [route.range, route.via]));
    for (const { range, via } of desired) {
      if (known.get(range) === via) continue;
      await this.#change('replace', range, via).catch((error: unknown) => problems.push(problem(range, error)));
    }
    return problems;
  }

  async #routes(family: (typeof FAMILIES)[number]): Promise<readonly PodRoute[]> {
    const routes = await this.#list<ListedRoute>([family, 'route', 'show', 'proto', PROTOCOL]);
    return routes.flatMap(({ dst, gateway = '' }) => (dst === undefined ? [] : [{ range: dst, via: gateway }]));
  }

  async #change(command: 'replace' | 'del', range: string, via?: string): Promise<void> {
    const family = familyOf(range.split('/')[0] ?? '') === 'ipv6' ? '-6' : '-4';
    const way = via === undefined ? [] : ['via', via];
    await runOrThrow(this.#run, { file: 'ip', args: [family, 'route', command, range, ...way, 'proto', PROTOCOL] });
  }

  async #list<T>(args: readonly string[]): Promise<readonly T[]> {
    const printed = (await runOrThrow(this.#run, { file: 'ip', args: ['-j', ...args] })).trim();
    // What `ip` prints of nothing is not always JSON.
    return printed === '' ? [] : (JSON.parse(printed) as readonly T[]);
  }
}

function problem(range: string, error: unknown): SyncProblem {
  return { message: `Pods in ${range} cannot be reached: ${errorMessage(error)}` };
}
