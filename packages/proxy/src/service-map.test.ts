import type { Service, ServiceSpec } from '@keelson/api/core/v1';
import type { Endpoint, EndpointConditions, EndpointSlice } from '@keelson/api/discovery/v1';
import { describe, expect, it } from 'vitest';
import { endpointText } from './endpoints.ts';
import { buildServiceMap, type ServicePort } from './service-map.ts';
import { endpoint, NODE, service, slice } from './test-support/objects.ts';

const build = (services: Service[], slices: EndpointSlice[] = [], family: 'IPv4' | 'IPv6' = 'IPv4') => [
  ...buildServiceMap(services, slices, { nodeName: NODE, family }).values(),
];
const endpointsOf = (port: ServicePort | undefined) => port?.clusterEndpoints.map(endpointText);
const localOf = (port: ServicePort | undefined) => port?.localEndpoints.map(endpointText);

describe('which services are served', () => {
  it.each<{ title: string; spec: ServiceSpec; labels?: Record<string, string>; keys: string[] }>([
    { title: 'serves a ClusterIP', spec: {}, keys: ['default/web:http'] },
    { title: 'leaves out headless services', spec: { clusterIP: 'None', clusterIPs: ['None'] }, keys: [] },
    { title: 'leaves out services without an address yet', spec: { clusterIP: '' }, keys: [] },
    {
      title: 'leaves out ExternalName, even with an old cluster IP',
      spec: { type: 'ExternalName', externalName: 'a.example' },
      keys: [],
    },
    {
      title: 'leaves out services of another proxy, even if the label is empty',
      spec: {},
      labels: { 'service.kubernetes.io/service-proxy-name': '' },
      keys: [],
    },
    { title: 'leaves out services of the other IP family', spec: { clusterIP: 'fd00::1', clusterIPs: ['fd00::1'] }, keys: [] },
    { title: 'names a lone port without a name after the service', spec: { ports: [{ port: 80 }] }, keys: ['default/web'] },
    {
      title: 'serves the same port number over TCP and UDP',
      spec: {
        ports: [
          { name: 'dns', port: 53, protocol: 'UDP' },
          { name: 'dns-tcp', port: 53, protocol: 'TCP' },
        ],
      },
      keys: ['default/web:dns', 'default/web:dns-tcp'],
    },
  ])('$title', ({ spec, labels, keys }) => {
    expect(
      build([service('web', spec, labels)])
        .map((port) => port.key)
        .sort(),
    ).toEqual(keys);
  });

  it('takes the addresses of its own family out of a dual-stack service', () => {
    const dual = service('web', { clusterIPs: ['10.96.0.10', 'fd00::10'], externalIPs: ['192.0.2.1', '2001:db8::1'] });

    expect(build([dual])[0]).toMatchObject({ clusterIPs: ['10.96.0.10'], externalIPs: ['192.0.2.1'] });
    expect(build([dual], [], 'IPv6')[0]).toMatchObject({ clusterIPs: ['fd00::10'], externalIPs: ['2001:db8::1'] });
  });

  it('takes load balancer addresses that the node has to serve', () => {
    const balanced = service('web', { type: 'LoadBalancer', loadBalancerSourceRanges: [' 10.0.0.0/8', 'fd00::/8'] });
    balanced.status = {
      loadBalancer: { ingress: [{ ip: '192.0.2.7' }, { ip: '192.0.2.8', ipMode: 'Proxy' }, { hostname: 'lb' }] },
    };

    expect(build([balanced])[0]).toMatchObject({ loadBalancerIPs: ['192.0.2.7'], loadBalancerSourceRanges: ['10.0.0.0/8'] });
  });

  it.each<{ spec: ServiceSpec; port: number | undefined }>([
    { spec: { type: 'LoadBalancer', externalTrafficPolicy: 'Local', healthCheckNodePort: 30_099 }, port: 30_099 },
    { spec: { type: 'LoadBalancer', externalTrafficPolicy: 'Cluster', healthCheckNodePort: 30_099 }, port: undefined },
    { spec: { type: 'NodePort', externalTrafficPolicy: 'Local', healthCheckNodePort: 30_099 }, port: undefined },
  ])('reads the health check port of $spec', ({ spec, port }) => {
    expect(build([service('web', spec)])[0]?.healthCheckNodePort).toBe(port);
  });

  it.each<{ spec: ServiceSpec; seconds: number | undefined }>([
    { spec: {}, seconds: undefined },
    { spec: { sessionAffinity: 'None', sessionAffinityConfig: { clientIP: { timeoutSeconds: 5 } } }, seconds: undefined },
    { spec: { sessionAffinity: 'ClientIP' }, seconds: 10_800 },
    { spec: { sessionAffinity: 'ClientIP', sessionAffinityConfig: { clientIP: { timeoutSeconds: 5 } } }, seconds: 5 },
  ])('reads affinity $spec', ({ spec, seconds }) => {
    expect(build([service('web', spec)])[0]?.affinitySeconds).toBe(seconds);
  });
});

describe('which endpoints are used', () => {
  const conditionsOf = (conditions: EndpointConditions | undefined): Endpoint => ({
    addresses: ['10.0.0.1'],
    ...(conditions && { conditions }),
  });

  it.each<{ title: string; conditions: EndpointConditions | undefined; used: boolean }>([
    { title: 'unknown counts as ready', conditions: undefined, used: true },
    { title: 'no conditions count as ready', conditions: {}, used: true },
    { title: 'ready', conditions: { ready: true }, used: true },
    { title: 'not ready', conditions: { ready: false }, used: false },
    { title: 'serving alone is not enough', conditions: { ready: false, serving: true }, used: false },
    {
      title: 'terminating and serving, when there is no other',
      conditions: { ready: false, serving: true, terminating: true },
      used: true,
    },
    { title: 'terminating and no longer serving', conditions: { ready: false, serving: false, terminating: true }, used: false },
    {
      title: 'published though not ready: the slice says ready',
      conditions: { ready: true, serving: false, terminating: true },
      used: true,
    },
  ])('$title', ({ conditions, used }) => {
    const [port] = build([service('web')], [slice('a', [conditionsOf(conditions)])]);

    expect(endpointsOf(port)).toEqual(used ? ['10.0.0.1:8080'] : []);
  });

  it('uses terminating endpoints only where no ready one is, for all nodes and this node apart', () => {
    const leaving = { ready: false, serving: true, terminating: true };
    const [port] = build([service('web')], [slice('a', [endpoint('10.0.0.1', leaving, NODE), endpoint('10.0.0.2')])]);

    expect(endpointsOf(port)).toEqual(['10.0.0.2:8080']);
    expect(localOf(port)).toEqual(['10.0.0.1:8080']);
  });

  it.each([
    { title: 'one is ready', states: [{ ready: true }, { ready: false, serving: true, terminating: true }], terminating: false },
    { title: 'all are on their way out', states: [{ ready: false, serving: true, terminating: true }], terminating: true },
    { title: 'there is none', states: [], terminating: false },
  ])('says of the endpoints on this node whether they are on their way out: $title', ({ states, terminating }) => {
    const endpoints = states.map((conditions, at) => endpoint(`10.0.0.${at}`, conditions, NODE));

    expect(build([service('web')], [slice('a', [...endpoints, endpoint('10.0.1.1')])])[0]?.localTerminating).toBe(terminating);
  });

  it('marks those on this node', () => {
    const [port] = build([service('web')], [slice('a', [endpoint('10.0.0.2'), endpoint('10.0.0.1', {}, NODE)])]);

    expect(port?.clusterEndpoints.map((one) => one.local)).toEqual([true, false]);
    expect(localOf(port)).toEqual(['10.0.0.1:8080']);
  });

  it('matches ports by name and protocol, not by number', () => {
    const both = service('web', {
      ports: [
        { name: 'a', port: 1 },
        { name: 'b', port: 2, protocol: 'UDP' },
      ],
    });
    const ports = [
      { name: 'a', port: 11 },
      { name: 'b', port: 22, protocol: 'TCP' },
      { name: 'b', port: 33, protocol: 'UDP' },
      { name: 'a' },
    ];

    expect(build([both], [slice('s', [endpoint('10.0.0.1')], ports)]).map((port) => [port.portName, endpointsOf(port)])).toEqual(
      expect.arrayContaining([
        ['a', ['10.0.0.1:11']],
        ['b', ['10.0.0.1:33']],
      ]),
    );
  });

  it('joins slices, counts an endpoint that is in two once and by its better state', () => {
    const slices = [
      slice('a', [endpoint('10.0.0.1', { ready: false, serving: true, terminating: true }), endpoint('10.0.0.3')]),
      slice('b', [endpoint('10.0.0.1')]),
      slice('other', [endpoint('10.0.0.9')], [{ name: 'http', port: 8080 }], 'another'),
    ];

    expect(endpointsOf(build([service('web')], slices)[0])).toEqual(['10.0.0.1:8080', '10.0.0.3:8080']);
  });

  it('leaves out FQDN slices and other families', () => {
    const names = { ...slice('a', [{ addresses: ['db.example'] }]), addressType: 'FQDN' };
    const six = { ...slice('b', [endpoint('fd00::1')]), addressType: 'IPv6' };

    expect(endpointsOf(build([service('web')], [names, six])[0])).toEqual([]);
  });
});

describe('hints', () => {
  const conditions = { ready: true };
  const at = (address: string, hints?: Endpoint['hints'], more: EndpointConditions = conditions): Endpoint => ({
    addresses: [address],
    nodeName: 'node-2',
    conditions: more,
    ...(hints ? { hints } : {}),
  });
  const forZone = (zone: string) => ({ forZones: [{ name: zone }] });
  const forNode = (name: string, zone: string) => ({ forNodes: [{ name }], forZones: [{ name: zone }] });

  it.each<{ title: string; endpoints: Endpoint[]; zone?: string; used: string[] }>([
    {
      title: 'leads to the endpoints for its zone',
      endpoints: [at('10.0.0.1', forZone('a')), at('10.0.0.2', forZone('b'))],
      used: ['10.0.0.1:8080'],
    },
    {
      title: 'leads to the endpoints for its node before those for its zone',
      endpoints: [at('10.0.0.1', forNode('node-2', 'a')), at('10.0.0.2', forNode(NODE, 'a'))],
      used: ['10.0.0.2:8080'],
    },
    {
      title: 'leads to those for its zone if there is none for its node',
      endpoints: [at('10.0.0.1', forNode('node-2', 'a')), at('10.0.0.2', forNode('node-3', 'b'))],
      used: ['10.0.0.1:8080'],
    },
    {
      title: 'leads to all if one has no hint',
      endpoints: [at('10.0.0.1', forZone('a')), at('10.0.0.2')],
      used: ['10.0.0.1:8080', '10.0.0.2:8080'],
    },
    {
      title: 'leads to all if none is for its zone',
      endpoints: [at('10.0.0.1', forZone('b')), at('10.0.0.2', forZone('c'))],
      used: ['10.0.0.1:8080', '10.0.0.2:8080'],
    },
    {
      title: 'leads to all while the zone is not known',
      endpoints: [at('10.0.0.1', forZone('a')), at('10.0.0.2', forZone('b'))],
      zone: '',
      used: ['10.0.0.1:8080', '10.0.0.2:8080'],
    },
    {
      title: 'asks no hints of endpoints that are not ready',
      endpoints: [at('10.0.0.1', forZone('a')), at('10.0.0.2', undefined, { ready: false, serving: true, terminating: true })],
      used: ['10.0.0.1:8080'],
    },
    {
      title: 'leads to all that are terminating if none is ready, whatever the hints',
      endpoints: [
        at('10.0.0.1', forZone('b'), { ready: false, serving: true, terminating: true }),
        at('10.0.0.2', forZone('c'), { ready: false, serving: true, terminating: true }),
      ],
      used: ['10.0.0.1:8080', '10.0.0.2:8080'],
    },
  ])('$title', ({ endpoints, zone = 'a', used }) => {
    const options = { nodeName: NODE, ...(zone ? { zone } : {}) };

    expect(endpointsOf([...buildServiceMap([service('web')], [slice('s', endpoints)], options).values()][0])).toEqual(used);
  });
});
