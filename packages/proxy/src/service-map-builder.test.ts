import type { Service } from '@keelson/api/core/v1';
import type { EndpointSlice } from '@keelson/api/discovery/v1';
import { ManualClock } from '@keelson/base/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { endpointText } from './endpoints.ts';
import { ServiceMapBuilder, serviceMaps$ } from './service-map-builder.ts';
import { buildServiceMap, type ServiceMap } from './service-map.ts';
import { endpoint, ManualSource, NODE, service, slice } from './test-support/objects.ts';

const options = { nodeName: NODE };
const endpointsIn = (map: ServiceMap | undefined) => map?.get('default/web:http')?.clusterEndpoints.map(endpointText);

describe('ServiceMapBuilder', () => {
  it('keeps the objects of ports that have not changed', () => {
    const builder = new ServiceMapBuilder(options);
    builder.serviceChanged({ type: 'added', object: service('web'), initial: true });
    builder.serviceChanged({ type: 'added', object: service('db'), initial: true });
    const before = builder.build();

    builder.sliceChanged({ type: 'added', object: slice('web-1', [endpoint('10.0.0.1')]), initial: false });
    builder.serviceChanged({ type: 'updated', object: service('db', {}, { noise: '1' }), old: service('db') });
    const after = builder.build();

    expect(after.get('default/db:http')).toBe(before.get('default/db:http'));
    expect(after.get('default/web:http')).not.toBe(before.get('default/web:http'));
    expect(builder.build()).toBe(after);
  });

  it('follows a slice that moves to another service', () => {
    const builder = new ServiceMapBuilder(options);
    const old = slice('s', [endpoint('10.0.0.1')], undefined, 'other');
    builder.serviceChanged({ type: 'added', object: service('web'), initial: true });
    builder.serviceChanged({ type: 'added', object: service('other'), initial: true });
    builder.sliceChanged({ type: 'added', object: old, initial: true });

    builder.sliceChanged({ type: 'updated', old, object: slice('s', [endpoint('10.0.0.1')]) });

    expect(endpointsIn(builder.build())).toEqual(['10.0.0.1:8080']);
    expect(builder.build().get('default/other:http')?.clusterEndpoints).toEqual([]);
  });

  it('follows the zone of its own node', () => {
    const builder = new ServiceMapBuilder(options);
    const node = (name: string, zone: string) => ({ metadata: { name, labels: { 'topology.kubernetes.io/zone': zone } } });
    const inZone = (address: string, zone: string) => ({ ...endpoint(address), hints: { forZones: [{ name: zone }] } });
    builder.serviceChanged({ type: 'added', object: service('web'), initial: true });
    builder.sliceChanged({
      type: 'added',
      object: slice('s', [inZone('10.0.0.1', 'a'), inZone('10.0.0.2', 'b')]),
      initial: true,
    });
    expect(endpointsIn(builder.build())).toEqual(['10.0.0.1:8080', '10.0.0.2:8080']);

    builder.nodeChanged({ type: 'added', object: node(NODE, 'a'), initial: true });
    expect(endpointsIn(builder.build())).toEqual(['10.0.0.1:8080']);
    builder.nodeChanged({ type: 'updated', old: node('node-2', 'a'), object: node('node-2', 'b') });
    const before = builder.build();
    builder.nodeChanged({ type: 'updated', old: node(NODE, 'a'), object: node(NODE, 'b') });

    expect(endpointsIn(before)).toEqual(['10.0.0.1:8080']);
    expect(endpointsIn(builder.build())).toEqual(['10.0.0.2:8080']);
  });

  it('comes to the same map as building it at once, whatever the history', () => {
    const services = fc.record({
      kind: fc.constant('service' as const),
      name: fc.constantFrom('web', 'db'),
      headless: fc.boolean(),
    });
    const slices = fc.record({
      kind: fc.constant('slice' as const),
      name: fc.constantFrom('s1', 's2', 's3'),
      of: fc.constantFrom('web', 'db'),
      ready: fc.array(fc.boolean(), { maxLength: 3 }),
    });
    const steps = fc.array(fc.record({ step: fc.oneof(services, slices), remove: fc.boolean(), build: fc.boolean() }), {
      maxLength: 40,
    });

    fc.assert(
      fc.property(steps, (history) => {
        const builder = new ServiceMapBuilder(options);
        const haveServices = new Map<string, Service>();
        const haveSlices = new Map<string, EndpointSlice>();
        for (const { step, remove, build } of history) {
          if (step.kind === 'service') {
            const object = service(step.name, step.headless ? { clusterIP: 'None' } : {});
            apply(haveServices, step.name, object, remove, (delta) => builder.serviceChanged(delta));
          } else {
            const endpoints = step.ready.map((ready, index) => endpoint(`10.0.0.${index}`, { ready }));
            apply(haveSlices, step.name, slice(step.name, endpoints, undefined, step.of), remove, (delta) =>
              builder.sliceChanged(delta),
            );
          }
          if (build) builder.build();
        }

        const sorted = (map: ServiceMap) => [...map].sort(([a], [b]) => (a < b ? -1 : 1));
        expect(sorted(builder.build())).toEqual(sorted(buildServiceMap(haveServices.values(), haveSlices.values(), options)));
      }),
      { numRuns: 200 },
    );
  });
});

type AnyDelta<T> =
  | { type: 'added'; object: T; initial: boolean }
  | { type: 'updated'; object: T; old: T }
  | { type: 'deleted'; object: T };

function apply<T>(have: Map<string, T>, name: string, object: T, remove: boolean, tell: (delta: AnyDelta<T>) => void): void {
  const old = have.get(name);
  if (remove) {
    if (old && have.delete(name)) tell({ type: 'deleted', object: old });
    return;
  }
  have.set(name, object);
  tell(old ? { type: 'updated', object, old } : { type: 'added', object, initial: false });
}

describe('serviceMaps$', () => {
  function setUp() {
    const clock = new ManualClock();
    const services = new ManualSource<Service>();
    const endpointSlices = new ManualSource<EndpointSlice>();
    const maps: ServiceMap[] = [];
    const subscription = serviceMaps$({ services, endpointSlices, clock }, options).subscribe((map) => maps.push(map));
    return { clock, services, endpointSlices, maps, subscription };
  }

  it('waits for both informers: a service without its endpoints yet would refuse connections', async () => {
    const { clock, services, endpointSlices, maps } = setUp();

    services.sync(service('web'));
    await clock.advance(1000);
    expect(maps).toEqual([]);

    endpointSlices.sync(slice('s', [endpoint('10.0.0.1')]));
    await clock.advance(0);
    expect(maps.map(endpointsIn)).toEqual([['10.0.0.1:8080']]);
  });

  it('puts a burst of changes into one map, and says nothing when nothing came of it', async () => {
    const { clock, services, endpointSlices, maps } = setUp();
    services.sync(service('web'));
    endpointSlices.sync();
    await clock.advance(0);

    const one = slice('s', [endpoint('10.0.0.1')]);
    endpointSlices.add(one);
    endpointSlices.update(one, slice('s', [endpoint('10.0.0.2')]));
    await clock.advance(9);
    expect(maps).toHaveLength(1);
    await clock.advance(1);
    expect(maps.map(endpointsIn)).toEqual([[], ['10.0.0.2:8080']]);

    services.update(service('web'), service('web', {}, { noise: '1' }));
    await clock.advance(1000);
    expect(maps).toHaveLength(2);
  });

  it('leaves no timer or subscription behind', async () => {
    const { clock, services, endpointSlices, subscription } = setUp();
    services.sync();
    endpointSlices.sync();
    await clock.advance(0);
    services.add(service('web'));

    subscription.unsubscribe();

    expect(clock.pending).toBe(0);
    expect(services.deltas$.observed || endpointSlices.deltas$.observed).toBe(false);
  });
});
