import { MemoryStore, type Store } from '@keelson/store';
import { isReason } from '@keelson/base';
import { ManualClock } from '@keelson/base/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ServiceAllocator } from './service-allocator.ts';
import { createStrategies } from '../../index.ts';
import { CONTEXT, defaulted } from '../../test-support.ts';
import type { Service, ServiceSpec } from '../service-model.ts';

const clock = new ManualClock();
let store: Store;

beforeEach(() => {
  store = new MemoryStore({ clock });
});

afterEach(() => store.close());

function allocatorOf(
  options: { serviceCidr?: string; nodePortRange?: [number, number]; random?: (min: number, max: number) => number } = {},
): ServiceAllocator {
  return new ServiceAllocator({ store, clock, serviceCidr: '10.96.0.0/16', nodePortRange: [30_000, 32_767], ...options });
}

function serviceOf(name: string, spec: object = {}): Service & { kind: 'Service' } {
  return defaulted('', {
    kind: 'Service',
    metadata: { name, namespace: 'default' },
    spec: { ports: [{ port: 80 }], ...spec } as ServiceSpec,
  });
}

/** Allocates and commits, as the API server does on creation. */
async function create(allocator: ServiceAllocator, service: Service): Promise<Service> {
  await allocator.allocate(service, undefined);
  await commit(allocator, service, undefined);
  return service;
}

async function commit(allocator: ServiceAllocator, service: Service | undefined, old: Service | undefined): Promise<void> {
  const { writes, guards } = allocator.companions(service, old);
  await store.commit(writes, guards);
}

/** As `create`, starting again at the allocation whenever another one was faster. */
async function createAgainstOthers(allocator: ServiceAllocator, service: Service): Promise<string | undefined> {
  for (;;) {
    await allocator.allocate(service, undefined);
    try {
      await commit(allocator, service, undefined);
      return service.spec?.clusterIP;
    } catch (error) {
      if (!isReason(error, 'Conflict')) throw error;
    }
  }
}

/** `10.96.0.5=default/a` and `30080=default/a`: what is held by whom. */
async function held(): Promise<string[]> {
  const addresses = await store.range('/registry/ipaddresses/');
  const ports = await store.range('/registry/ranges/servicenodeports/');
  return [
    ...addresses.entries.map(({ key, value }) => {
      const { namespace, name } = JSON.parse(Buffer.from(value).toString()).spec.parentRef;
      return `${key.split('/').at(-1)}=${namespace}/${name}`;
    }),
    ...ports.entries.map(({ key, value }) => `${key.split('/').at(-1)}=${Buffer.from(value)}`),
  ];
}

describe('addresses', () => {
  it('come from the range above what clients may ask for', async () => {
    const { spec } = await create(allocatorOf(), serviceOf('a'));

    const [first, second, third = 0, fourth = 0] = (spec?.clusterIP ?? '').split('.').map(Number);
    expect([first, second]).toEqual([10, 96]);
    expect(third * 256 + fourth).toBeGreaterThan(256);
    expect(spec?.clusterIPs).toEqual([spec?.clusterIP]);
    expect(await held()).toEqual([`${spec?.clusterIP}=default/a`]);
  });

  it('are given on request', async () => {
    await create(allocatorOf(), serviceOf('kubernetes', { clusterIP: '10.96.0.1' }));

    expect(await held()).toEqual(['10.96.0.1=default/kubernetes']);
  });

  it.each([
    { title: 'taken', clusterIP: '10.96.0.1', want: 'failed to allocate IP 10.96.0.1: provided IP is already allocated' },
    {
      title: 'out of range',
      clusterIP: '192.0.2.1',
      want: 'failed to allocate IP 192.0.2.1: the provided network does not match the current range',
    },
    {
      title: 'the network itself',
      clusterIP: '10.96.0.0',
      want: 'failed to allocate IP 10.96.0.0: the provided network does not match the current range',
    },
  ])('are refused if $title', async ({ clusterIP, want }) => {
    await create(allocatorOf(), serviceOf('a', { clusterIP: '10.96.0.1' }));

    await expect(allocatorOf().allocate(serviceOf('b', { clusterIP }), undefined)).rejects.toThrow(
      `Service "b" is invalid: spec.clusterIPs: Invalid value: ["${clusterIP}"]: ${want}`,
    );
  });

  it('are not needed without one or with a name', async () => {
    await create(allocatorOf(), serviceOf('a', { clusterIP: 'None', selector: { a: 'b' } }));
    await create(allocatorOf(), serviceOf('b', { type: 'ExternalName', externalName: 'a.b' }));

    expect(await held()).toEqual([]);
  });

  it('come from all of a small range until it is full', async () => {
    const allocator = allocatorOf({ serviceCidr: '10.0.0.0/28' });
    const given = new Set<string>();
    for (let count = 0; count < 14; count++) given.add((await create(allocator, serviceOf(`s${count}`))).spec?.clusterIP ?? '');

    expect(given.size).toBe(14);
    await expect(allocator.allocate(serviceOf('late'), undefined)).rejects.toThrow(
      'Internal error occurred: failed to allocate a serviceIP: range is full',
    );
  });

  it('are chosen again after a lost race', async () => {
    const draws = [1000, 1000, 2000];
    const allocator = allocatorOf({ random: (min) => min + (draws.shift() ?? 0) });
    const [first, second] = [serviceOf('a'), serviceOf('b')];
    await allocator.allocate(first, undefined);
    await allocator.allocate(second, undefined);
    await commit(allocator, first, undefined);

    await expect(commit(allocator, second, undefined)).rejects.toThrow();
    await allocator.allocate(second, undefined);
    await commit(allocator, second, undefined);

    expect(second.spec?.clusterIP).not.toBe(first.spec?.clusterIP);
  });

  it('are unique for any number of API servers at the same time', async () => {
    const names = Array.from({ length: 25 }, (_, number) => `s${number}`);

    const ips = await Promise.all(
      names.map((name) => createAgainstOthers(allocatorOf({ serviceCidr: '10.0.0.0/27' }), serviceOf(name))),
    );

    expect(new Set(ips).size).toBe(25);
    expect(await held()).toHaveLength(25);
  });

  it('are refused after a lost race if they were asked for', async () => {
    const allocator = allocatorOf();
    const [first, second] = [serviceOf('a', { clusterIP: '10.96.0.5' }), serviceOf('b', { clusterIP: '10.96.0.5' })];
    await allocator.allocate(first, undefined);
    await allocator.allocate(second, undefined);
    await commit(allocator, first, undefined);

    await expect(commit(allocator, second, undefined)).rejects.toThrow();
    await expect(allocator.allocate(second, undefined)).rejects.toThrow('provided IP is already allocated');
  });

  it('are free again after deletion', async () => {
    const allocator = allocatorOf();
    const service = await create(allocator, serviceOf('a', { type: 'NodePort' }));

    await commit(allocator, undefined, service);

    expect(await held()).toEqual([]);
  });

  it('are held by nobody after a dry run', async () => {
    await allocatorOf().allocate(serviceOf('a', { type: 'NodePort' }), undefined);

    expect(await held()).toEqual([]);
  });

  it('are of one family', async () => {
    await expect(allocatorOf().allocate(serviceOf('a', { ipFamilies: ['IPv6'] }), undefined)).rejects.toThrow(
      'spec.ipFamilies[0]: Invalid value: "IPv6": not configured on this cluster',
    );
    await expect(allocatorOf().allocate(serviceOf('a', { ipFamilyPolicy: 'RequireDualStack' }), undefined)).rejects.toThrow(
      'spec.ipFamilyPolicy: Invalid value: "RequireDualStack": this cluster is not configured for dual-stack services',
    );
  });
});

describe('node ports', () => {
  const NODE_PORT = { type: 'NodePort', clusterIP: '10.96.0.5' };

  it('come from the range above what clients may ask for', async () => {
    const { spec } = await create(allocatorOf(), serviceOf('a', NODE_PORT));

    expect(spec?.ports?.[0]?.nodePort).toBeGreaterThanOrEqual(30_086);
    expect(spec?.ports?.[0]?.nodePort).toBeLessThanOrEqual(32_767);
  });

  it.each([
    { title: 'taken', nodePort: 30_080, want: 'provided port is already allocated' },
    {
      title: 'out of range',
      nodePort: 80,
      want: 'provided port is not in the valid range. The range of valid ports is 30000-32767',
    },
  ])('are refused if $title', async ({ nodePort, want }) => {
    await create(allocatorOf(), serviceOf('a', { ...NODE_PORT, ports: [{ port: 80, nodePort: 30_080 }] }));
    const service = serviceOf('b', { type: 'NodePort', ports: [{ port: 80, nodePort }] });

    await expect(allocatorOf().allocate(service, undefined)).rejects.toThrow(
      `Service "b" is invalid: spec.ports[0].nodePort: Invalid value: ${nodePort}: ${want}`,
    );
  });

  it('are shared by two protocols of one port', async () => {
    const ports = [
      { name: 'a', port: 53 },
      { name: 'b', port: 53, protocol: 'UDP' },
      { name: 'c', port: 54 },
    ];

    const { spec } = await create(allocatorOf(), serviceOf('dns', { ...NODE_PORT, ports }));

    const [tcp, udp, other] = spec?.ports?.map(({ nodePort }) => nodePort) ?? [];
    expect(udp).toBe(tcp);
    expect(other).not.toBe(tcp);
    expect(await held()).toHaveLength(3);
  });

  it('are not needed by a load balancer that says so', async () => {
    const { spec } = await create(allocatorOf(), serviceOf('a', { type: 'LoadBalancer', allocateLoadBalancerNodePorts: false }));

    expect(spec?.ports?.[0]).not.toHaveProperty('nodePort');
  });

  it('are given to health checks of local traffic', async () => {
    const { spec } = await create(allocatorOf(), serviceOf('a', { type: 'LoadBalancer', externalTrafficPolicy: 'Local' }));

    expect(spec?.healthCheckNodePort).toBeGreaterThanOrEqual(30_086);
    expect(spec?.healthCheckNodePort).not.toBe(spec?.ports?.[0]?.nodePort);
    expect(await held()).toHaveLength(3);
  });

  it('are exhausted with an error that says so', async () => {
    const allocator = allocatorOf({ nodePortRange: [30_000, 30_000] });
    await create(allocator, serviceOf('a', NODE_PORT));

    await expect(allocator.allocate(serviceOf('b', { type: 'NodePort' }), undefined)).rejects.toThrow(
      'Internal error occurred: failed to allocate a nodePort: range is full',
    );
  });
});

describe('a change of type', () => {
  async function change(old: Service, spec: object): Promise<Service> {
    const strategy = createStrategies({ store, clock, serviceCidr: '10.96.0.0/16', nodePortRange: [30_000, 32_767] })(
      '',
      'Service',
    );
    const service: Service & { kind: 'Service' } = {
      kind: 'Service',
      metadata: { name: 'a', namespace: 'default' },
      spec: spec as ServiceSpec,
    };
    strategy.prepareForUpdate?.(service, old, CONTEXT);
    strategy.setDefaults?.(service);
    await strategy.allocate?.(service, old, CONTEXT);
    const { writes, guards } = strategy.companions?.(service, old) ?? { writes: [], guards: [] };
    await store.commit(writes, guards);
    return service;
  }

  it('keeps the address and gets node ports', async () => {
    const old = await create(allocatorOf(), serviceOf('a', { clusterIP: '10.96.0.5' }));

    const { spec } = await change(old, { type: 'NodePort', ports: [{ port: 80, nodePort: 30_080 }] });

    expect(spec?.clusterIP).toBe('10.96.0.5');
    expect(await held()).toEqual(['10.96.0.5=default/a', '30080=default/a']);
  });

  it('keeps node ports at a load balancer', async () => {
    const old = await create(
      allocatorOf(),
      serviceOf('a', { type: 'NodePort', clusterIP: '10.96.0.5', ports: [{ port: 80, nodePort: 30_080 }] }),
    );

    await change(old, { type: 'LoadBalancer', ports: [{ port: 80 }] });

    expect(await held()).toEqual(['10.96.0.5=default/a', '30080=default/a']);
  });

  it('lets go of what the new type has no use for', async () => {
    const old = await create(
      allocatorOf(),
      serviceOf('a', { type: 'NodePort', clusterIP: '10.96.0.5', ports: [{ port: 80, nodePort: 30_080 }] }),
    );

    const asClusterIp = await change(old, { type: 'ClusterIP', clusterIP: '10.96.0.5', ports: [{ port: 80, nodePort: 30_080 }] });
    expect(await held()).toEqual(['10.96.0.5=default/a']);

    await change(asClusterIp, { type: 'ExternalName', externalName: 'a.b', clusterIP: '10.96.0.5' });
    expect(await held()).toEqual([]);
  });

  it('swaps one node port for another in one commit', async () => {
    const old = await create(
      allocatorOf(),
      serviceOf('a', { type: 'NodePort', clusterIP: '10.96.0.5', ports: [{ port: 80, nodePort: 30_080 }] }),
    );

    await change(old, { type: 'NodePort', ports: [{ port: 80, nodePort: 30_081 }] });

    expect(await held()).toEqual(['10.96.0.5=default/a', '30081=default/a']);
  });
});
