import { describe, expect, it } from 'vitest';
import { servicePort } from '../testing/service-ports.ts';
import { parseFlows, staleFlows } from './stale-flows.ts';

const line = (to: string, from: string, note = '') => {
  const [toAddress, toPort] = to.split(':');
  const [address, port] = from.split(':');
  return `udp 17 29 src=10.0.0.9 dst=${toAddress} sport=5000 dport=${toPort} ${note}src=${address} dst=10.0.0.9 sport=${port} dport=5000 mark=0 use=1`;
};
const dns = (overrides: Parameters<typeof servicePort>[0]) =>
  servicePort({ protocol: 'UDP', port: 53, nodePort: 30_053, externalIPs: ['192.0.2.9'], ...overrides });

describe('stale UDP flows', () => {
  it.each<{ title: string; to: string; from: string; endpoints?: string[]; stale: boolean }>([
    { title: 'one to an endpoint that is there', to: '10.96.0.10:53', from: '10.0.0.1:53', stale: false },
    { title: 'one to an endpoint that is gone', to: '10.96.0.10:53', from: '10.0.0.2:53', stale: true },
    { title: 'one to another port of an endpoint', to: '10.96.0.10:53', from: '10.0.0.1:54', stale: true },
    { title: 'one by node port to an endpoint that is gone', to: '192.0.2.1:30053', from: '10.0.0.2:53', stale: true },
    { title: 'one by external address to an endpoint that is gone', to: '192.0.2.9:53', from: '10.0.0.2:53', stale: true },
    { title: 'one from before the first endpoint', to: '10.96.0.10:53', from: '10.96.0.10:53', stale: true },
    { title: 'one that is being refused', to: '10.96.0.10:53', from: '10.96.0.10:53', endpoints: [], stale: false },
    {
      title: 'one through the node to a port of the same number',
      to: '203.0.113.1:30053',
      from: '203.0.113.1:30053',
      stale: false,
    },
    { title: 'one to another port of the cluster IP', to: '10.96.0.10:54', from: '10.0.0.2:54', stale: false },
    { title: 'one to no service', to: '10.0.0.1:53', from: '10.0.0.1:53', stale: false },
  ])('$title', ({ to, from, endpoints = ['10.0.0.1:53'], stale }) => {
    const flows = parseFlows(`${line(to, from)}\n${line(to, from, '[UNREPLIED] ')}\n`);

    expect(flows).toHaveLength(2);
    expect(staleFlows(flows, [dns({ endpoints })], new Set(['192.0.2.1']))).toHaveLength(stale ? 1 : 0);
  });
});
