import { Machine } from '@keelson/proxy/testing';
import { runCommand } from '@keelson/proxy';

export type Place = 'web' | 'db' | 'client' | 'outside' | 'node';

const ADDRESSES = { node: '192.0.2.1', web: '10.200.1.2', db: '10.200.1.3', client: '10.200.1.4', outside: '192.0.2.2' } as const;
const PODS = ['web', 'db', 'client'] as const;
let labs = 0;

/**
 * A node with three pods on a bridge, and a neighbour of the node, each a network namespace:
 *
 *     web, db, client 10.200.1.2-4 ── node: cbr0 10.200.1.1, eth0 192.0.2.1 ── outside 192.0.2.2
 *
 * All of them serve TCP on 8080 and 9090 and UDP on 8080, under their names.
 */
export class PolicyLab implements AsyncDisposable {
  readonly #machines: ReadonlyMap<Place, Machine>;

  private constructor(machines: ReadonlyMap<Place, Machine>) {
    this.#machines = machines;
  }

  static async open(): Promise<PolicyLab> {
    const prefix = `keelson-policy-${process.pid}-${++labs}`;
    const places = Object.entries(ADDRESSES) as [Place, string][];
    const machines = await Promise.all(
      places.map(async ([place, address]) => [place, await Machine.boot(`${prefix}-${place}`, address)] as const),
    );
    const lab = new PolicyLab(new Map(machines));
    await lab.#wireUp();
    return lab;
  }

  at(place: Place): Machine {
    const machine = this.#machines.get(place);
    if (!machine) throw new Error(`there is no ${place}`);
    return machine;
  }

  addressOf(place: Place): string {
    return ADDRESSES[place];
  }

  async #wireUp(): Promise<void> {
    const node = this.at('node');
    await node.sh(
      'ip link add cbr0 type bridge; ip addr add 10.200.1.1/24 dev cbr0; ip link set cbr0 up; sysctl -qw net.ipv4.ip_forward=1',
    );
    for (const pod of PODS) {
      await wire(node, this.at(pod), { device: `veth-${pod}`, options: 'master cbr0', gateway: '10.200.1.1' });
    }
    await wire(node, this.at('outside'), { device: 'eth0', options: '', gateway: '192.0.2.1' });
    await node.sh('ip addr add 192.0.2.1/24 dev eth0');
    for (const place of [...PODS, 'outside', 'node'] as const) {
      const machine = this.at(place);
      await Promise.all([
        machine.call('serveTcp', place, 8080),
        machine.call('serveTcp', place, 9090),
        machine.call('serveUdp', place, 8080),
      ]);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#machines.values()].map((machine) => machine[Symbol.asyncDispose]()));
  }
}

interface Wire {
  readonly device: string;
  readonly options: string;
  readonly gateway: string;
}

async function wire(node: Machine, machine: Machine, { device, options, gateway }: Wire): Promise<void> {
  await node.sh(`ip link add ${device} type veth peer name eth0 netns ${machine.name}; ip link set ${device} ${options} up`);
  await machine.sh(`ip addr add ${machine.address}/24 dev eth0; ip link set eth0 up; ip route add default via ${gateway}`);
}

/** Deletes namespaces that killed runs have left. */
export async function removeLeftovers(isAlive: (pid: number) => boolean): Promise<void> {
  const { stdout } = await runCommand({ file: 'ip', args: ['netns', 'list'] });
  for (const [name, pid] of stdout.matchAll(/^keelson-policy-(\d+)-\S+/gm)) {
    if (!isAlive(Number(pid))) await runCommand({ file: 'ip', args: ['netns', 'del', name] });
  }
}
