import type { Node, Pod, Service } from '@keelson/api/core/v1';
import { describe, expect, it } from 'vitest';
import { makePod, readyStatus } from '../testing/pods.ts';
import { addressTypesOf, desiredEndpoints, type AddressType } from './desired-endpoints.ts';

const NODE: Node = { metadata: { name: 'n', labels: { 'topology.kubernetes.io/zone': 'z1' } } };
const HTTP = { port: 80, targetPort: 'http', name: 'http', protocol: 'TCP' } as const;

const service = (spec: Service['spec'] = {}): Service => ({
  metadata: { name: 'web', namespace: 'default' },
  spec: { clusterIP: '10.96.0.1', ports: [{ port: 80, protocol: 'TCP' }], ...spec },
});
const pod = (name: string, change: Partial<Pod> = {}): Pod => ({ ...makePod(name), status: readyStatus('10.0.0.1'), ...change });
const going = (name: string): Pod['metadata'] => ({ ...makePod(name).metadata, deletionTimestamp: '2026-01-01T00:00:00Z' });

function endpointsOf(web: Service, pods: readonly Pod[], addressType: AddressType = 'IPv4') {
  const groups = desiredEndpoints({ service: web, pods, node: (name) => (name === 'n' ? NODE : undefined) }, addressType);
  return [...groups.values()].map(({ ports, endpoints }) => ({ ports, endpoints: [...endpoints.values()] }));
}

describe('desired endpoints', () => {
  it('says where an endpoint is and whose it is', () => {
    expect(endpointsOf(service(), [pod('a')])).toEqual([
      {
        ports: [{ name: '', port: 80, protocol: 'TCP' }],
        endpoints: [
          {
            addresses: ['10.0.0.1'],
            conditions: { ready: true, serving: true, terminating: false },
            nodeName: 'n',
            zone: 'z1',
            targetRef: { kind: 'Pod', namespace: 'default', name: 'a', uid: undefined },
          },
        ],
      },
    ]);
  });

  it.each([
    { title: 'ready', is: pod('a'), spec: {}, want: { ready: true, serving: true, terminating: false } },
    {
      title: 'not ready',
      is: pod('a', { status: readyStatus('10.0.0.1', false) }),
      spec: {},
      want: { ready: false, serving: false, terminating: false },
    },
    {
      title: 'ready, and on its way out',
      is: pod('a', { metadata: going('a') }),
      spec: {},
      want: { ready: false, serving: true, terminating: true },
    },
    {
      title: 'not ready, but published',
      is: pod('a', { status: readyStatus('10.0.0.1', false) }),
      spec: { publishNotReadyAddresses: true },
      want: { ready: true, serving: false, terminating: false },
    },
    {
      title: 'on its way out, but published',
      is: pod('a', { metadata: going('a') }),
      spec: { publishNotReadyAddresses: true },
      want: { ready: true, serving: true, terminating: true },
    },
  ])('tells the state of a pod that is $title', ({ is, spec, want }) => {
    expect(endpointsOf(service(spec), [is])[0]?.endpoints[0]?.conditions).toEqual(want);
  });

  const ZONE = { forZones: [{ name: 'z1' }] };
  it.each([
    { mode: undefined, hints: undefined },
    { mode: 'PreferClose', hints: ZONE },
    { mode: 'PreferSameZone', hints: ZONE },
    { mode: 'PreferSameNode', hints: { ...ZONE, forNodes: [{ name: 'n' }] } },
  ])('says for whom ready endpoints are, if traffic is distributed by $mode', ({ mode, hints }) => {
    const notReady = pod('b', { status: readyStatus('10.0.0.2', false) });

    const [group] = endpointsOf(service({ ...(mode !== undefined && { trafficDistribution: mode }) }), [pod('a'), notReady]);

    expect(group?.endpoints.map((endpoint) => endpoint.hints)).toEqual([hints, undefined]);
  });

  it('parts pods whose named port has another number, and leaves out pods without it', () => {
    const withPort = (name: string, containerPort: number): Pod =>
      pod(name, {
        spec: { nodeName: 'n', containers: [{ name: 'c', ports: [{ name: 'http', containerPort, protocol: 'TCP' }] }] },
      });

    const groups = endpointsOf(service({ ports: [HTTP] }), [withPort('a', 1), withPort('b', 2), withPort('c', 1), pod('d')]);

    expect(groups.map(({ ports, endpoints }) => [ports[0]?.port, endpoints.map(({ targetRef }) => targetRef?.name)])).toEqual([
      [1, ['a', 'c']],
      [2, ['b']],
    ]);
  });

  it('has the host name of a pod in the subdomain of a headless service', () => {
    const named = pod('a', { spec: { nodeName: 'n', hostname: 'a', subdomain: 'web', containers: [] } });
    const other = pod('b', { spec: { nodeName: 'n', hostname: 'b', subdomain: 'other', containers: [] } });

    const [group] = endpointsOf(service({ clusterIP: 'None', ports: [] }), [named, other]);

    expect(group?.endpoints.map(({ hostname }) => hostname)).toEqual(['a', undefined]);
    expect(group?.ports).toEqual([]);
  });

  it('takes the addresses of its family only', () => {
    const dual = pod('a', { status: { ...readyStatus('10.0.0.1'), podIPs: [{ ip: '10.0.0.1' }, { ip: 'fd00::1' }] } });

    expect(endpointsOf(service(), [dual], 'IPv6')[0]?.endpoints[0]?.addresses).toEqual(['fd00::1']);
  });

  it('leaves out pods of nodes that are not there, unless the service publishes everything', () => {
    const lost = pod('a', { spec: { nodeName: 'gone', containers: [] } });

    expect(endpointsOf(service(), [lost])).toEqual([]);
    expect(endpointsOf(service({ publishNotReadyAddresses: true }), [lost])).toHaveLength(1);
  });

  it.each([
    { title: 'as it says', spec: { ipFamilies: ['IPv6', 'IPv4'] }, want: ['IPv6', 'IPv4'] },
    { title: 'by its address', spec: { clusterIP: 'fd00::1' }, want: ['IPv6'] },
    { title: 'both, if headless', spec: { clusterIP: 'None' }, want: ['IPv4', 'IPv6'] },
  ])('serves the families of a service: $title', ({ spec, want }) => {
    expect(addressTypesOf(service(spec))).toEqual(want);
  });
});
