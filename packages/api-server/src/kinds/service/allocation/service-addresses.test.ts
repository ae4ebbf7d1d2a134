import { MemoryStore, type Guard, type Revision, type Store, type Write } from '@keelson/store';
import { KeelsonError, SystemClock } from '@keelson/base';
import { describe, expect, it } from 'vitest';
import fc from 'fast-check';
import { ensureObjects } from '../../../bootstrap/ensure-objects.ts';
import { bootstrapObjects } from '../../../bootstrap/objects.ts';
import { ApiProbe, type Loose } from '../../../test-support/api-probe.ts';
import { startTestApiServer } from '../../../testing.ts';

const SERVICES = '/api/v1/namespaces/default/services';
const ADDRESSES = '/apis/networking.k8s.io/v1/ipaddresses';
const RANGES = '/apis/networking.k8s.io/v1/servicecidrs';
const DUAL = '10.96.0.0/16,fd00:96::/112';

function service(name: string, spec: object = {}): Loose {
  return { metadata: { name }, spec: { ports: [{ port: 80 }], ...spec } };
}

async function start(serviceCidr: string, store?: Store) {
  const server = await startTestApiServer({ server: { serviceCidr }, ...(store && { store }) });
  return { server, probe: new ApiProbe(server.transport), [Symbol.asyncDispose]: () => server.close() };
}

describe('the address of a Service', () => {
  it('is an IPAddress that comes and goes in the same commit', async () => {
    await using world = await start('10.96.0.0/16');
    const { probe } = world;

    const made = await probe.create(SERVICES, service('web'));
    const address = await probe.get(`${ADDRESSES}/${made.spec.clusterIP}`);

    expect(address).toMatchObject({
      kind: 'IPAddress',
      apiVersion: 'networking.k8s.io/v1',
      metadata: {
        name: made.spec.clusterIP,
        uid: expect.stringMatching(/^[0-9a-f-]{36}$/),
        resourceVersion: made.metadata.resourceVersion,
        labels: {
          'ipaddress.kubernetes.io/ip-family': 'IPv4',
          'ipaddress.kubernetes.io/managed-by': 'ipallocator.k8s.io',
        },
      },
      spec: { parentRef: { group: '', resource: 'services', namespace: 'default', name: 'web' } },
    });

    await probe.remove(`${SERVICES}/web`);
    expect((await probe.get(ADDRESSES)).items).toEqual([]);
  });

  it('is not one that somebody else has taken', async () => {
    await using world = await start('10.96.0.0/16');
    const parentRef = { group: 'gateway.networking.k8s.io', resource: 'gateways', namespace: 'default', name: 'g' };
    await world.probe.create(ADDRESSES, { metadata: { name: '10.96.0.7' }, spec: { parentRef } });

    await expect(world.probe.create(SERVICES, service('web', { clusterIP: '10.96.0.7' }))).rejects.toThrow(
      'spec.clusterIPs: Invalid value: ["10.96.0.7"]: failed to allocate IP 10.96.0.7: provided IP is already allocated',
    );
  });

  it('comes from added ranges once the others are full, and only as long as they are there', async () => {
    await using world = await start('10.0.0.0/30');
    const { probe } = world;
    await probe.create(SERVICES, service('a'));
    await probe.create(SERVICES, service('b'));
    await expect(probe.create(SERVICES, service('c'))).rejects.toMatchObject({
      reason: 'InternalError',
      message: 'Internal error occurred: failed to allocate a serviceIP: range is full',
    });

    await probe.create(RANGES, { metadata: { name: 'more' }, spec: { cidrs: ['192.168.7.0/24'] } });
    const made = await probe.create(SERVICES, service('c'));
    await probe.create(SERVICES, service('d', { clusterIP: '192.168.7.3' }));
    expect(made.spec.clusterIP).toMatch(/^192\.168\.7\./);

    await probe.remove(`${RANGES}/more`);
    await expect(probe.create(SERVICES, service('e'))).rejects.toThrow('range is full');
  });
});

describe('two families', () => {
  it('are there from the start', async () => {
    await using world = await start(DUAL);
    await ensureObjects(
      world.server.transport,
      bootstrapObjects({ serviceCidr: DUAL, advertise: undefined, clientCa: undefined }),
    );

    expect(await world.probe.get(`${RANGES}/kubernetes`)).toMatchObject({ spec: { cidrs: DUAL.split(',') } });
    expect(await world.probe.get(`${SERVICES}/kubernetes`)).toMatchObject({ spec: { clusterIPs: ['10.96.0.1'] } });
    expect((await world.probe.get(ADDRESSES)).items).toMatchObject([{ metadata: { name: '10.96.0.1' } }]);
  });

  it.each([
    { title: 'one address by default', given: {}, want: ['IPv4'], policy: 'SingleStack' },
    { title: 'both if they are preferred', given: { ipFamilyPolicy: 'PreferDualStack' }, want: ['IPv4', 'IPv6'] },
    { title: 'both if they are required', given: { ipFamilyPolicy: 'RequireDualStack' }, want: ['IPv4', 'IPv6'] },
    { title: 'the one that is asked for', given: { ipFamilies: ['IPv6'] }, want: ['IPv6'] },
    {
      title: 'both in the order that is asked for',
      given: { ipFamilies: ['IPv6', 'IPv4'], ipFamilyPolicy: 'PreferDualStack' },
      want: ['IPv6', 'IPv4'],
    },
    { title: 'that of the address', given: { clusterIP: 'fd00:96::7' }, want: ['IPv6'] },
  ])('give a Service $title', async ({ given, want }) => {
    await using world = await start(DUAL);

    const { spec } = await world.probe.create(SERVICES, service('web', given));

    expect(spec.ipFamilies).toEqual(want);
    expect(spec.clusterIPs.map((ip: string) => (ip.includes(':') ? 'IPv6' : 'IPv4'))).toEqual(want);
    expect(spec.clusterIP).toBe(spec.clusterIPs[0]);
    expect((await world.probe.get(ADDRESSES)).items).toHaveLength(want.length);
  });

  it('give a second address later, and take it back', async () => {
    await using world = await start(DUAL);
    const { probe } = world;
    const made = await probe.create(SERVICES, service('web'));

    const two = await probe.merge(`${SERVICES}/web`, { spec: { ipFamilyPolicy: 'PreferDualStack' } });
    expect(two.spec.clusterIPs).toEqual([made.spec.clusterIP, expect.stringMatching(/^fd00:96::/)]);

    const one = await probe.merge(`${SERVICES}/web`, { spec: { ipFamilyPolicy: 'SingleStack' } });
    expect(one.spec).toMatchObject({ clusterIPs: [made.spec.clusterIP], ipFamilies: ['IPv4'] });
    expect((await probe.get(ADDRESSES)).items).toHaveLength(1);
  });

  it.each([
    {
      title: 'several addresses where one is wanted',
      given: { clusterIPs: ['10.96.0.9', 'fd00:96::9'] },
      want: 'spec.ipFamilyPolicy: Invalid value: "SingleStack": must be RequireDualStack or PreferDualStack when multiple cluster IPs are specified',
    },
    {
      title: 'an address of another family',
      given: { clusterIP: '10.96.0.9', ipFamilies: ['IPv6'] },
      want: 'spec.clusterIPs[0]: Invalid value: "10.96.0.9": expected an IPv6 value as indicated by `ipFamilies[0]`',
    },
    {
      title: 'a family twice',
      given: { ipFamilies: ['IPv4', 'IPv4'], ipFamilyPolicy: 'PreferDualStack' },
      want: 'spec.ipFamilies[1]: Duplicate value: "IPv4"',
    },
  ])('refuse $title', async ({ given, want }) => {
    await using world = await start(DUAL);

    await expect(world.probe.create(SERVICES, service('web', given))).rejects.toThrow(want);
  });
});

/** Fails commits on demand, before or after they have been made: what a client sees of a server that dies. */
class FailingStore {
  crash: 'before' | 'after' | undefined;
  readonly #commit: Store['commit'];

  constructor(store: Store) {
    this.#commit = store.commit.bind(store);
    store.commit = (writes, guards) => this.#fail(writes, guards);
  }

  async #fail(writes: readonly Write[], guards?: readonly Guard[]): Promise<Revision> {
    const { crash } = this;
    this.crash = undefined;
    if (crash === 'before') throw new KeelsonError('ServiceUnavailable', 'The store is gone');
    const revision = await this.#commit(writes, guards);
    if (crash === 'after') throw new KeelsonError('ServiceUnavailable', 'The store is gone');
    return revision;
  }
}

interface Step {
  readonly verb: 'create' | 'change' | 'delete';
  readonly name: string;
  readonly spec: object;
  readonly dryRun: boolean;
  readonly crash: 'before' | 'after' | undefined;
}

const specs = fc.constantFrom(
  {},
  { clusterIP: 'None', selector: { a: 'b' } },
  { clusterIP: '10.0.0.3' },
  { type: 'NodePort' },
  { type: 'NodePort', ports: [{ port: 80, nodePort: 30_001 }] },
  { type: 'LoadBalancer', externalTrafficPolicy: 'Local' },
  { type: 'ExternalName', externalName: 'a.b', ports: [] },
  { ipFamilyPolicy: 'PreferDualStack' },
);
const steps: fc.Arbitrary<Step> = fc.record({
  verb: fc.constantFrom('create', 'create', 'change', 'delete'),
  name: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
  spec: specs,
  dryRun: fc.constantFrom(false, false, true),
  crash: fc.constantFrom(undefined, undefined, 'before', 'after'),
});

/** Whatever goes wrong for a client does so: only the state that results counts. */
async function run(probe: ApiProbe, { verb, name, spec, dryRun }: Step): Promise<void> {
  const query = dryRun ? { dryRun: 'All' } : {};
  const path = `${SERVICES}/${name}`;
  if (verb === 'create') await probe.create(SERVICES, service(name, spec), query).catch(() => undefined);
  if (verb === 'change') await probe.update(path, service(name, spec), query).catch(() => undefined);
  if (verb === 'delete') await probe.call('DELETE', path, { query }).catch(() => undefined);
}

it('holds exactly what Services have, whatever crashes and is only tried', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(steps, { minLength: 15, maxLength: 40 }), async (history) => {
      const store = new MemoryStore({ clock: new SystemClock() });
      await using world = await startTestApiServer({
        store,
        server: { serviceCidr: '10.0.0.0/29,fd00::/124', nodePortRange: [30_000, 30_007] },
      });
      const probe = new ApiProbe(world.transport);
      const failing = new FailingStore(store);
      for (const step of history) {
        failing.crash = step.crash;
        await run(probe, step);
      }
      failing.crash = undefined;

      const services: Loose[] = (await probe.get(SERVICES)).items;
      const addresses: Loose[] = (await probe.get(ADDRESSES)).items;
      const ports = (await store.range('/registry/ranges/servicenodeports/')).entries;
      const ips = services.flatMap(({ spec }) => (spec.clusterIPs ?? []).filter((ip: string) => ip !== 'None'));
      const nodePorts = services.flatMap(({ spec }) => [
        ...new Set([...(spec.ports ?? []).map((port: Loose) => port.nodePort), spec.healthCheckNodePort].filter(Boolean)),
      ]);
      expect(addresses.map(({ metadata }) => metadata.name).toSorted()).toEqual(ips.toSorted());
      expect(ports.map(({ key }) => Number(key.split('/').at(-1))).toSorted()).toEqual(nodePorts.toSorted());
    }),
    { numRuns: 30 },
  );
});
