import { isIP } from 'node:net';
import { randomInt } from 'node:crypto';
import { internalError, familyOf, type IpFamily } from '@keelson/api';
import type { Clock } from '@keelson/base';
import type { Guard, Key, Store, Write } from '@keelson/store';
import type { Companions } from '../../../registry/strategy.ts';
import { invalidValue } from '../../../validation/errors.ts';
import { invalid, type FieldError } from '../../../validation/field-error.ts';
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
  type ServiceSpec,
} from '../service-model.ts';
import { addressKey, AddressPool } from './address-pool.ts';
import { NodePortPool, portKey } from './node-port-pool.ts';
import type { Random } from './number-chooser.ts';

export interface AllocationOptions {
  readonly store: Store;
  readonly clock: Clock;
  /** A range such as `10.96.0.0/16`, or one of each family: `10.96.0.0/16,fd00::/108`. The first family is the default. */
  readonly serviceCidr: string;
  /** First and last node port. */
  readonly nodePortRange: readonly [number, number];
  /** A number of at least `min` and less than `max`. */
  readonly random?: Random;
}

/**
 * Gives Services their addresses and node ports. Each address that is held is an IPAddress, each port a key of its own in the store,
 * written in the same commit as the Service under the condition that it does not exist yet. So neither a crash nor a second API server
 * can part them or give one out twice, and nothing has to be repaired; a request that loses a race chooses again.
 */
export class ServiceAllocator {
  readonly #addresses: AddressPool;
  readonly #ports: NodePortPool;
  /** What was chosen, not asked for, for an object that may come again: takes it back. */
  readonly #undo = new WeakMap<Service, () => void>();

  constructor({ store, clock, serviceCidr, nodePortRange, random = randomInt }: AllocationOptions) {
    this.#addresses = new AddressPool({ store, clock, random, cidrs: serviceCidr.split(',') });
    this.#ports = new NodePortPool({ store, random }, nodePortRange);
  }

  /** Those that Services can have addresses of; the first one is that of Services that do not say. */
  get families(): readonly IpFamily[] {
    return this.#addresses.families;
  }

  /** Sets `clusterIP`, `clusterIPs`, node ports and the health check's port where they are needed. `Invalid` if one that is asked for is taken. */
  async allocate(service: Service, old: Readonly<Service> | undefined): Promise<void> {
    this.#undo.get(service)?.();
    this.#undo.delete(service);
    const errors: FieldError[] = [];
    const undo: (() => void)[] = [];
    await this.#allocateAddresses(service, old, { errors, undo });
    if (mayHaveNodePorts(service.spec)) await this.#allocatePorts(service, old, { errors, undo });
    if (errors.length > 0) throw invalid({ group: '', kind: 'Service', name: service.metadata?.name ?? '' }, errors);
    if (undo.length > 0) this.#undo.set(service, () => undo.forEach((step) => step()));
  }

  /** Takes what `service` holds and `old` does not; frees what only `old` holds. */
  companions(service: Service | undefined, old: Readonly<Service> | undefined): Companions {
    const { namespace = '', name = '' } = service?.metadata ?? {};
    const held = new Map<Key, () => Write>();
    for (const ip of clusterIpsOf(service)) held.set(addressKey(ip), () => this.#addresses.hold(ip, { namespace, name }));
    const owner = Buffer.from(`${namespace}/${name}`);
    for (const port of nodePortsOf(service)) held.set(portKey(port), () => ({ type: 'put', key: portKey(port), value: owner }));
    const before = new Set(keysOf(old));
    const writes: Write[] = [];
    const guards: Guard[] = [];
    for (const [key, write] of held) {
      if (before.has(key)) continue;
      writes.push(write());
      guards.push({ key, revision: 0 });
    }
    for (const key of before) {
      if (!held.has(key)) writes.push({ type: 'delete', key });
    }
    return { writes, guards };
  }

  async #allocateAddresses(service: Service, old: Readonly<Service> | undefined, out: Outcome): Promise<void> {
    const { spec } = service;
    if (spec === undefined || !needsClusterIp(spec) || isHeadless(spec)) return;
    if (!this.#checkFamilies(spec, out.errors)) return;
    const held = new Set(clusterIpsOf(old));
    const asked = clusterIpsOf(service);
    for (const ip of asked) {
      // What is no address is refused by validation.
      if (held.has(ip) || isIP(ip) === 0) continue;
      const problem = await this.#addresses.problem(ip);
      if (problem !== undefined)
        out.errors.push(invalidValue('spec.clusterIPs', asked, `failed to allocate IP ${ip}: ${problem}`));
    }
    if (out.errors.length === 0) await this.#fillAddresses(spec, asked, out);
  }

  /** One for each family that has none yet. */
  async #fillAddresses(spec: ServiceSpec, asked: readonly string[], out: Outcome): Promise<void> {
    const missing = (spec.ipFamilies ?? []).filter((family) => !asked.some((ip) => familyOf(ip) === family));
    if (missing.length === 0) return;
    const { clusterIP, clusterIPs } = spec;
    const ips = [...asked];
    for (const family of missing) {
      const ip = await this.#addresses.choose(family === 'IPv6' ? 'IPv6' : 'IPv4');
      if (ip === undefined) throw internalError('failed to allocate a serviceIP: range is full');
      ips.push(ip);
    }
    spec.clusterIPs = ips;
    spec.clusterIP = ips[0];
    out.undo.push(() => {
      setOrDelete(spec, 'clusterIP', clusterIP);
      setOrDelete(spec, 'clusterIPs', clusterIPs);
    });
  }

  #checkFamilies(spec: ServiceSpec, errors: FieldError[]): boolean {
    const before = errors.length;
    const { ipFamilyPolicy, ipFamilies = [] } = spec;
    if (ipFamilyPolicy === 'RequireDualStack' && this.families.length < 2) {
      errors.push(invalidValue('spec.ipFamilyPolicy', ipFamilyPolicy, 'this cluster is not configured for dual-stack services'));
    }
    for (const [position, family] of ipFamilies.entries()) {
      if (!this.families.some((configured) => configured === family))
        errors.push(invalidValue(`spec.ipFamilies[${position}]`, family, 'not configured on this cluster'));
    }
    return errors.length === before;
  }

  async #allocatePorts(service: Service, old: Readonly<Service> | undefined, out: Outcome): Promise<void> {
    const held = new Set(nodePortsOf(old));
    const used = new Set(nodePortsOf(service));
    await this.#checkAsked(service, held, out.errors);
    if (out.errors.length > 0) return;
    if (needsNodePorts(service.spec)) await this.#fillPorts(service, used, out);
    const { spec } = service;
    if (!needsHealthCheckPort(spec) || spec === undefined || (spec.healthCheckNodePort ?? 0) !== 0) return;
    spec.healthCheckNodePort = await this.#choosePort(used, 'HealthCheck NodePort');
    out.undo.push(() => delete spec.healthCheckNodePort);
  }

  async #checkAsked(service: Service, held: ReadonlySet<number>, errors: FieldError[]): Promise<void> {
    const asked = portsOf(service.spec).map(
      ({ nodePort }, position) => [`spec.ports[${position}].nodePort`, nodePort ?? 0] as const,
    );
    for (const [field, port] of [...asked, ['spec.healthCheckNodePort', service.spec?.healthCheckNodePort ?? 0] as const]) {
      if (port === 0 || held.has(port)) continue;
      const problem = await this.#ports.problem(port);
      if (problem !== undefined) errors.push(invalidValue(field, port, problem));
    }
  }

  /** The same port number under another protocol shares the node port; each other port gets one of its own. */
  async #fillPorts(service: Service, used: Set<number>, out: Outcome): Promise<void> {
    const ports = portsOf(service.spec);
    for (const port of ports) {
      if (port.nodePort !== undefined && port.nodePort !== 0) continue;
      const twin = ports.find(
        (other) => other.port === port.port && other.protocol !== port.protocol && (other.nodePort ?? 0) !== 0,
      );
      const isFree =
        twin !== undefined && !ports.some((other) => other.protocol === port.protocol && other.nodePort === twin.nodePort);
      port.nodePort = (isFree ? twin.nodePort : undefined) ?? (await this.#choosePort(used, 'nodePort'));
      out.undo.push(() => delete port.nodePort);
    }
  }

  async #choosePort(used: Set<number>, what: string): Promise<number> {
    const port = await this.#ports.choose(used);
    if (port === undefined) throw internalError(`failed to allocate a ${what}: range is full`);
    used.add(port);
    return port;
  }
}

/** What went wrong, and how to take back what was chosen. */
interface Outcome {
  readonly errors: FieldError[];
  readonly undo: (() => void)[];
}

function setOrDelete<T extends object, K extends keyof T>(target: T, field: K, value: T[K] | undefined): void {
  if (value === undefined) delete target[field];
  else target[field] = value;
}

function keysOf(service: Readonly<Service> | undefined): Key[] {
  return [...clusterIpsOf(service).map(addressKey), ...nodePortsOf(service).map(portKey)];
}
