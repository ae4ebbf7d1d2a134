import type { Endpoint, EndpointSlice } from '@keelson/api/discovery/v1';
import { describe, expect, it } from 'vitest';
import { PROXY_MODES } from '../modes.ts';
import { NODE, service, slice } from '../test-support/objects.ts';
import { explainService } from './explain-service.ts';

const at = (address: string, nodeName: string, conditions: Endpoint['conditions']): Endpoint => ({
  addresses: [address],
  nodeName,
  conditions,
});
const SLICES: readonly EndpointSlice[] = [
  slice('web-1', [
    at('10.244.1.2', NODE, { ready: true }),
    at('10.244.2.2', 'node-2', { ready: true }),
    at('10.244.2.3', 'node-2', { ready: false, serving: true, terminating: true }),
    at('10.244.2.4', 'node-2', { ready: false }),
  ]),
];
const WEB = service('web', {
  type: 'LoadBalancer',
  ports: [{ name: 'http', port: 80, nodePort: 30_080 }],
  loadBalancerSourceRanges: ['192.0.2.0/24'],
  externalTrafficPolicy: 'Local',
});
WEB.status = { loadBalancer: { ingress: [{ ip: '198.51.100.2' }] } };

describe('explainService', () => {
  it.each(PROXY_MODES)('shows the path of a packet by %s, as in golden/', async (mode) => {
    const text = explainService({ service: WEB, slices: SLICES }, { nodeName: NODE, mode });

    await expect(text).toMatchFileSnapshot(`golden/${mode}.txt`);
  });

  it.each([
    { title: 'headless', spec: { clusterIP: 'None' }, why: /headless/ },
    { title: 'ExternalName', spec: { type: 'ExternalName', externalName: 'db.example' }, why: /another name for db\.example/ },
    { title: 'of another family', spec: { clusterIP: 'fd00::1', clusterIPs: ['fd00::1'] }, why: /no IPv4 address/ },
    { title: 'without an address', spec: { clusterIP: '' }, why: /no cluster IP yet/ },
  ])('says why a service is not served that is $title', ({ spec, why }) => {
    expect(explainService({ service: service('web', spec), slices: [] }, { nodeName: NODE, mode: 'nftables' })).toMatch(why);
  });

  it('says that there is no endpoint, and that clients are refused', () => {
    const text = explainService({ service: service('web'), slices: [] }, { nodeName: NODE, mode: 'nftables' });

    expect(text).toContain('refused-ips of ip keelson-proxy: 10.96.0.10 . tcp . 80 → goto refuse');
    expect(text).toContain('refused: no endpoint is ready');
    expect(text).toContain('none in 0 EndpointSlices');
  });

  it('says for whom an endpoint is that hints give to others', () => {
    const hinted = (address: string, zone: string): Endpoint => ({
      ...at(address, 'node-2', { ready: true }),
      hints: { forZones: [{ name: zone }] },
    });
    const slices = [slice('web-1', [hinted('10.244.1.2', 'a'), hinted('10.244.2.2', 'b')])];

    const text = explainService({ service: service('web'), slices }, { nodeName: NODE, zone: 'a', mode: 'userspace' });

    expect(text).toContain('10.244.1.2:8080: used: ready and meant for zone a, on node node-2');
    expect(text).toContain('10.244.2.2:8080: left out: ready, but its hints are for zone b, on node node-2');
  });
});
