import { randomInt } from 'node:crypto';
import type { Guard, Key, Store, Write } from '@keelson/store';
import type { Companions } from '../registry/strategy.ts';
import { invalidValue } from '../validation/errors.ts';
import { invalid, type FieldError } from '../validation/field-error.ts';
import { ipv4Number, ipv4Text } from '../validation/ip.ts';
import {
  clusterIpsOf,
  isHeadless,
  mayHaveNodePorts,
  needsClusterIp,
  needsHealthCheckPort,
  needsNodePorts,
  nodePortsOf,
  portsOf,
  type Service,
} from './service/service-model.ts';

const IP_PREFIX = '/registry/ranges/serviceips/';
const PORT_PREFIX = '/registry/ranges/servicenodeports/';
/** How often a number is drawn before the free ones are counted. */
const DRAWS = 16;

export interface AllocationOptions {
  readonly store: Store;
  /** An IPv4 range such as `10.96.0.0/16`; its first and last address are never given out. */
  readonly serviceCidr: string;
  /** First and last node port. */
  readonly nodePortRange: readonly [number, number];
  /** A number of at least `min` and less than `max`. */
  readonly random?: (min: number, max: number) => number;
}

/** Numbers to choose from: those below `split` are left to clients that ask for one, as long as there are others. */
interface Range {
  readonly prefix: Key;
  readonly first: number;
  readonly last: number;
  readonly split: number;
  keyPart(number: number): string;
}

/**
 * Gives Services their addresses and node ports. Each one that is held is a key of its own in the store, written in the same commit as
 * the Service under the condition that it does not exist yet. So neither a crash nor a second API server can part them or give one out
 * twice, and nothing has to be repaired; a request that loses a race chooses again.
 */
export class ServiceAllocator {
  readonly #store: Store;
  readonly #cidr: string;
  readonly #ips: Range;
  readonly #ports: Range;
  readonly #random: (min: number, max: number) => number;
  /** What was chosen, not asked for, for an object that may come again: takes it back. */
  readonly #undo = new WeakMap<Service, () => void>();

  constructor({ store, serviceCidr, nodePortRange, random = randomInt }: AllocationOptions) {
    this.#store = store;
    this.#cidr = serviceCidr;
    this.#ips = ipRange(serviceCidr);
    this.#ports = portRange(nodePortRange);
    this.#random = random;
  }

  /** Sets `clusterIP`, `clusterIPs`, node ports and the health check's port where they are needed. `Invalid` if one that is asked for is taken. */
  async allocate(service: Service, old: Readonly<Service> | undefined): Promise<void> {
    this.#undo.get(service)?.();
    this.#undo.delete(service);
    const errors: FieldError[] = [];
    const undo: (() => void)[] = [];
    await this.#allocateIp(service, old, { errors, undo });
    if (mayHaveNodePorts(service.spec)) await this.#allocatePorts(service, old, { errors, undo });
    if (errors.length > 0) throw invalid({ group: '', kind: 'Service', name: service.metadata?.name ?? '' }, errors);
    if (undo.length > 0) this.#undo.set(service, () => undo.forEach((step) => step()));
  }

  /** Takes what `service` holds and `old` does not; frees what only `old` holds. */
  companions(service: Service | undefined, old: Readonly<Service> | undefined): Companions {
    const held = new Set(keysOf(service));
    const before = new Set(keysOf(old));
    const owner = Buffer.from(`${service?.metadata?.namespace}/${service?.metadata?.name}`);
    const writes: Write[] = [];
    const guards: Guard[] = [];
    for (const key of held) {
      if (before.has(key)) continue;
      writes.push({ type: 'put', key, value: owner });
      guards.push({ key, revision: 0 });
    }
    for (const key of before) {
      if (!held.has(key)) writes.push({ type: 'delete', key });
    }
    return { writes, guards };
  }

  async #allocateIp(service: Service, old: Readonly<Service> | undefined, out: Outcome): Promise<void> {
    const { spec } = service;
    if (spec === undefined || !needsClusterIp(spec) || isHeadless(spec)) return;
    if (!this.#checkFamilies(service, out.errors)) return;
    const before = new Set(clusterIpsOf(old));
    const asked = clusterIpsOf(service);
    for (const ip of asked) {
      if (before.has(ip)) continue;
      const problem = await this.#ipProblem(ip);
      if (problem !== undefined)
        out.errors.push(invalidValue('spec.clusterIPs', asked, `failed to allocate IP ${ip}: ${problem}`));
    }
    if (asked.length > 0) return;
    const number = await this.#choose(this.#ips, new Set());
    if (number === undefined) throw exhausted(service, 'spec.clusterIPs', 'failed to allocate a serviceIP: range is full');
    spec.clusterIP = ipv4Text(number);
    spec.clusterIPs = [spec.clusterIP];
    out.undo.push(() => {
      delete spec.clusterIP;
      delete spec.clusterIPs;
    });
  }

  /** This cluster has one range, of IPv4 addresses. */
  #checkFamilies({ spec }: Service, errors: FieldError[]): boolean {
    const before = errors.length;
    for (const [position, family] of (spec?.ipFamilies ?? []).entries()) {
      if (family !== 'IPv4') errors.push(invalidValue(`spec.ipFamilies[${position}]`, family, 'not configured on this cluster'));
    }
    if (spec?.ipFamilyPolicy === 'RequireDualStack') {
      errors.push(
        invalidValue('spec.ipFamilyPolicy', spec.ipFamilyPolicy, 'this cluster is not configured for dual-stack services'),
      );
    }
    return errors.length === before;
  }

  async #ipProblem(ip: string): Promise<string | undefined> {
    const number = ip.includes(':') ? -1 : ipv4Number(ip);
    if (number < this.#ips.first || number > this.#ips.last) {
      return `the provided IP (${ip}) is not in the valid range. The range of valid IPs is ${this.#cidr}`;
    }
    const isTaken = (await this.#store.get(IP_PREFIX + ip)) !== undefined;
    return isTaken ? 'provided IP is already allocated' : undefined;
  }

  async #allocatePorts(service: Service, old: Readonly<Service> | undefined, out: Outcome): Promise<void> {
    const held = new Set(nodePortsOf(old));
    const used = new Set(nodePortsOf(service));
    await this.#checkAsked(service, held, out.errors);
    if (out.errors.length > 0) return;
    if (needsNodePorts(service.spec)) await this.#fillPorts(service, used, out);
    const { spec } = service;
    if (!needsHealthCheckPort(spec) || spec === undefined || (spec.healthCheckNodePort ?? 0) !== 0) return;
    spec.healthCheckNodePort = await this.#choosePort(service, used, 'spec.healthCheckNodePort');
    out.undo.push(() => delete spec.healthCheckNodePort);
  }

  async #checkAsked(service: Service, held: ReadonlySet<number>, errors: FieldError[]): Promise<void> {
    const asked = portsOf(service.spec).map(
      ({ nodePort }, position) => [`spec.ports[${position}].nodePort`, nodePort ?? 0] as const,
    );
    for (const [field, port] of [...asked, ['spec.healthCheckNodePort', service.spec?.healthCheckNodePort ?? 0] as const]) {
      if (port === 0 || held.has(port)) continue;
      const problem = await this.#portProblem(port);
      if (problem !== undefined) errors.push(invalidValue(field, port, problem));
    }
  }

  async #portProblem(port: number): Promise<string | undefined> {
    const { first, last } = this.#ports;
    if (port < first || port > last)
      return `provided port is not in the valid range. The range of valid ports is ${first}-${last}`;
    return (await this.#store.get(PORT_PREFIX + port)) === undefined ? undefined : 'provided port is already allocated';
  }

  /** The same port number under another protocol shares the node port; each other port gets one of its own. */
  async #fillPorts(service: Service, used: Set<number>, out: Outcome): Promise<void> {
    const ports = portsOf(service.spec);
    for (const [position, port] of ports.entries()) {
      if (port.nodePort !== undefined && port.nodePort !== 0) continue;
      const twin = ports.find(
        (other) => other.port === port.port && other.protocol !== port.protocol && (other.nodePort ?? 0) !== 0,
      );
      const isFree =
        twin !== undefined && !ports.some((other) => other.protocol === port.protocol && other.nodePort === twin.nodePort);
      port.nodePort =
        (isFree ? twin.nodePort : undefined) ?? (await this.#choosePort(service, used, `spec.ports[${position}].nodePort`));
      out.undo.push(() => delete port.nodePort);
    }
  }

  async #choosePort(service: Service, used: Set<number>, field: string): Promise<number> {
    const port = await this.#choose(this.#ports, used);
    if (port === undefined) throw exhausted(service, field, 'failed to allocate a nodePort: range is full');
    used.add(port);
    return port;
  }

  async #choose(range: Range, used: ReadonlySet<number>): Promise<number | undefined> {
    for (let draw = 0; draw < DRAWS; draw++) {
      const number = this.#random(range.split, range.last + 1);
      if (!used.has(number) && (await this.#store.get(range.prefix + range.keyPart(number))) === undefined) return number;
    }
    return this.#search(range, used);
  }

  /** Of a crowded range: one of the numbers that are still free, rather one from above the split. */
  async #search(range: Range, used: ReadonlySet<number>): Promise<number | undefined> {
    const { entries } = await this.#store.range(range.prefix);
    const taken = new Set(entries.map(({ key }) => key.slice(range.prefix.length)));
    const free: number[] = [];
    const reserve: number[] = [];
    for (let number = range.first; number <= range.last; number++) {
      if (!used.has(number) && !taken.has(range.keyPart(number))) (number < range.split ? reserve : free).push(number);
    }
    const choice = free.length > 0 ? free : reserve;
    return choice.length === 0 ? undefined : choice[this.#random(0, choice.length)];
  }
}

/** What went wrong, and how to take back what was chosen. */
interface Outcome {
  readonly errors: FieldError[];
  readonly undo: (() => void)[];
}

function exhausted(service: Service, field: string, detail: string): Error {
  return invalid({ group: '', kind: 'Service', name: service.metadata?.name ?? '' }, [
    { type: 'InternalError', field, message: `Internal error: ${detail}` },
  ]);
}

function keysOf(service: Readonly<Service> | undefined): Key[] {
  return [...clusterIpsOf(service).map((ip) => IP_PREFIX + ip), ...nodePortsOf(service).map((port) => PORT_PREFIX + port)];
}

function ipRange(cidr: string): Range {
  const [address = '', length = ''] = cidr.split('/');
  const size = 2 ** (32 - Number(length));
  const network = Math.floor(ipv4Number(address) / size) * size;
  const reserved = Math.min(Math.max(16, Math.floor(size / 16)), 256);
  const split = size > 32 ? network + 1 + reserved : network + 1;
  return { prefix: IP_PREFIX, first: network + 1, last: network + size - 2, split, keyPart: ipv4Text };
}

function portRange([first, last]: readonly [number, number]): Range {
  const size = last - first + 1;
  const reserved = size < 32 ? 0 : Math.min(Math.max(16, Math.floor(size / 32)), 128);
  return { prefix: PORT_PREFIX, first, last, split: first + reserved, keyPart: String };
}
