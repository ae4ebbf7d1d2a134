import { describe, expect, it } from 'vitest';
import { mapOf, servicePort } from '../testing/service-ports.ts';
import { frontEndsOf } from './front-ends.ts';

type Overrides = NonNullable<Parameters<typeof servicePort>[0]>;

const NODE = ['127.0.0.1', '192.0.2.1'];
const ENDPOINT = '10.0.0.1:8080';
const idsOf = (...services: readonly Overrides[]) =>
  frontEndsOf(mapOf(...services.map((one) => servicePort(one))), { nodePortAddresses: NODE, nodeAddresses: new Set(NODE) }).map(
    (one) => `${one.id} ${one.scope}`,
  );

describe('frontEndsOf', () => {
  it.each<{ title: string; service: Overrides; ids: string[] }>([
    { title: 'serves the cluster IP', service: {}, ids: ['TCP 10.96.0.10 80 cluster'] },
    {
      title: 'serves a node port on all addresses of the node',
      service: { nodePort: 30_080 },
      ids: ['TCP 10.96.0.10 80 cluster', 'TCP 127.0.0.1 30080 cluster', 'TCP 192.0.2.1 30080 cluster'],
    },
    {
      title: 'serves external addresses that are the node’s own',
      service: { externalIPs: ['192.0.2.1', '192.0.2.9'], loadBalancerIPs: ['192.0.2.8'] },
      ids: ['TCP 10.96.0.10 80 cluster', 'TCP 192.0.2.1 80 cluster'],
    },
    {
      title: 'serves nothing without endpoints, so that the kernel refuses',
      service: { nodePort: 30_080, clusterEndpoints: [] },
      ids: [],
    },
    {
      title: 'leaves out where a local endpoint is asked for and there is none; loopback is never from outside',
      service: { nodePort: 30_080, internalTrafficPolicy: 'Local', externalTrafficPolicy: 'Local' },
      ids: ['TCP 127.0.0.1 30080 cluster'],
    },
    {
      title: 'keeps to local endpoints where the policies say so',
      service: { nodePort: 30_080, internalTrafficPolicy: 'Local', externalTrafficPolicy: 'Local', local: [ENDPOINT] },
      ids: ['TCP 10.96.0.10 80 local', 'TCP 127.0.0.1 30080 cluster', 'TCP 192.0.2.1 30080 local'],
    },
  ])('$title', ({ service, ids }) => {
    expect(idsOf({ endpoints: [ENDPOINT], ...service })).toEqual(ids);
  });

  it('serves one port number over TCP and UDP', () => {
    const dns = (protocol: 'TCP' | 'UDP') => ({ key: `default/dns:${protocol}`, protocol, port: 53, endpoints: ['10.0.0.1:53'] });

    expect(idsOf(dns('TCP'), dns('UDP'))).toEqual(['TCP 10.96.0.10 53 cluster', 'UDP 10.96.0.10 53 cluster']);
  });

  it('lets only the source ranges in to a load balancer’s address', () => {
    const balanced = servicePort({
      endpoints: [ENDPOINT],
      loadBalancerIPs: ['192.0.2.1'],
      loadBalancerSourceRanges: ['198.51.100.0/24', 'nonsense'],
    });
    const found = frontEndsOf(mapOf(balanced), { nodePortAddresses: NODE, nodeAddresses: new Set(NODE) })[1];

    expect(found?.clients?.check('198.51.100.7')).toBe(true);
    expect(found?.clients?.check('203.0.113.7')).toBe(false);
  });
});
