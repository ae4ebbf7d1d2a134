import type { Service } from '@keelson/api/core/v1';
import type { EndpointSlice } from '@keelson/api/discovery/v1';
import { ManualClock } from '@keelson/base/testing';
import { describe, expect, it } from 'vitest';
import { Backend, type Endpoint } from './backend.ts';
import { resolveBackend } from './endpoints.ts';
import { lookupElsewhere } from './external-names.ts';

const endpoint = (address: string): Endpoint => ({ address, port: 80, authority: `${address}:80` });
const THREE = ['10.0.0.1', '10.0.0.2', '10.0.0.3'].map(endpoint);

describe('Backend', () => {
  it('takes endpoints in turn, and leaves out what was tried', () => {
    const backend = new Backend('k', new ManualClock());
    backend.update({ endpoints: THREE, protocol: 'http' });

    expect([1, 2, 3, 4].map(() => backend.pick()?.address)).toEqual(['10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.1']);
    expect(backend.pick(THREE.slice(0, 2))?.address).toBe('10.0.0.3');
    expect(backend.pick(THREE)).toBeUndefined();
  });

  it('leaves out for two seconds what could not be reached, unless there is nothing else', async () => {
    const clock = new ManualClock();
    const backend = new Backend('k', clock);
    backend.update({ endpoints: THREE, protocol: 'http' });
    const seen = (): Set<string | undefined> => new Set([1, 2, 3, 4].map(() => backend.pick()?.address));

    backend.failed(endpoint('10.0.0.2'));
    expect(seen()).toEqual(new Set(['10.0.0.1', '10.0.0.3']));
    await clock.advance(2_000);
    expect(seen().size).toBe(3);
    for (const each of THREE) backend.failed(each);
    expect(backend.pick()).toBeDefined();
  });
});

describe('resolveBackend', () => {
  const ref = (port: number | string) => ({ key: 'k', namespace: 'n', service: 's', port });
  const service: Service = {
    spec: {
      ports: [
        { name: 'http', port: 80, targetPort: 8080 },
        { name: 'rpc', port: 90, appProtocol: 'kubernetes.io/h2c' },
      ],
    },
  };
  const slice = (...endpoints: NonNullable<EndpointSlice['endpoints']>): EndpointSlice => ({
    addressType: 'IPv4',
    endpoints,
    ports: [
      { name: 'http', port: 8080 },
      { name: 'rpc', port: 9090 },
    ],
  });
  const authorities = (resolved: ReturnType<typeof resolveBackend>): readonly string[] =>
    'state' in resolved ? resolved.state.endpoints.map(({ authority }) => authority) : [resolved.problem];

  it('knows ports by number and by name', () => {
    const slices = [slice({ addresses: ['10.0.0.1'], conditions: { ready: true } })];

    expect(authorities(resolveBackend(ref(80), { service, slices }))).toEqual(['10.0.0.1:8080']);
    expect(resolveBackend(ref('rpc'), { service, slices })).toEqual({
      state: { protocol: 'h2c', endpoints: [{ address: '10.0.0.1', port: 9090, authority: '10.0.0.1:9090' }] },
    });
  });

  it('takes ready endpoints, each once; without any those that still serve while they end', () => {
    const ending = { addresses: ['10.0.0.2'], conditions: { ready: false, serving: true, terminating: true } };
    const unready = { addresses: ['10.0.0.3'], conditions: { ready: false, serving: false } };
    const ready = { addresses: ['10.0.0.1'] };

    expect(authorities(resolveBackend(ref(80), { service, slices: [slice(ready, ending), slice(ready, unready)] }))).toEqual([
      '10.0.0.1:8080',
    ]);
    expect(authorities(resolveBackend(ref(80), { service, slices: [slice(ending, unready)] }))).toEqual(['10.0.0.2:8080']);
    expect(authorities(resolveBackend(ref(80), { service, slices: [slice(unready)] }))).toEqual([]);
  });

  it.each([
    { port: 81, service, problem: 'Service "n/s" has no port "81"' },
    { port: 80, service: undefined, problem: 'Service "n/s" does not exist' },
    {
      port: 80,
      service: { spec: { type: 'ExternalName', externalName: 'shop.example' } },
      problem: 'Service "n/s" is an ExternalName, and these are not served here',
    },
  ])('says: $problem', ({ port, service: given, problem }) => {
    expect(resolveBackend(ref(port), { service: given, slices: [] })).toEqual({ problem });
  });

  const external = (...ports: NonNullable<NonNullable<Service['spec']>['ports']>): Service => ({
    spec: { type: 'ExternalName', externalName: 'shop.example.', ports },
  });
  it.each([
    { title: 'the port of the Service', service: external({ port: 80 }), port: 80, authority: 'shop.example:80' },
    { title: 'that by name', service: external({ name: 'web', port: 8080 }), port: 'web', authority: 'shop.example:8080' },
    { title: 'its target', service: external({ port: 80, targetPort: 8443 }), port: 80, authority: 'shop.example:8443' },
    { title: 'what the Ingress says if there is none', service: external(), port: 81, authority: 'shop.example:81' },
  ])('leads to an external name by $title', ({ service: given, port, authority }) => {
    const resolved = resolveBackend(ref(port), { service: given, slices: [], lookup: lookupElsewhere });

    expect(resolved).toMatchObject({ state: { endpoints: [{ address: 'shop.example', authority, lookup: lookupElsewhere }] } });
  });

  it.each([
    { given: external({ port: 80 }), problem: 'Service "n/s" has no port "81"' },
    {
      given: { spec: { type: 'ExternalName', externalName: '127.0.0.1', ports: [{ port: 81 }] } },
      problem: 'Service "n/s" is an ExternalName that is no name: "127.0.0.1"',
    },
  ])('does not lead to an external name: $problem', ({ given, problem }) => {
    expect(resolveBackend(ref(81), { service: given, slices: [], lookup: lookupElsewhere })).toEqual({ problem });
  });
});
