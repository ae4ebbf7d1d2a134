import { describe, expect, it } from 'vitest';
import type { ServicePort } from '../service-map.ts';
import { changesBetween } from '../snapshot-map.ts';
import { mapOf, servicePort } from '../testing/service-ports.ts';
import { TableState } from './table-state.ts';

const NOTHING = { chains: new Set<string>(), sets: new Set<string>() };
const A = '10.244.1.2:8080';
const B = '10.244.2.3:8080';
const changes = (before: readonly ServicePort[], after: readonly ServicePort[]) =>
  changesBetween(mapOf(...before), mapOf(...after));

const PLAIN = servicePort({ endpoints: [A, B], local: [A] });
const EVERYTHING: readonly ServicePort[] = [
  PLAIN,
  servicePort({
    key: 'default/shop:https',
    name: 'shop',
    portName: 'https',
    port: 443,
    clusterIPs: ['10.96.0.11'],
    nodePort: 30_443,
    externalIPs: ['198.51.100.1'],
    loadBalancerIPs: ['198.51.100.2'],
    loadBalancerSourceRanges: ['192.0.2.0/24', '192.0.2.128/25'],
    externalTrafficPolicy: 'Local',
    endpoints: [A, B],
    local: [A],
  }),
  servicePort({ key: 'kube-system/dns:dns', protocol: 'UDP', port: 53, clusterIPs: ['10.96.0.12'], endpoints: [A, B] }),
  servicePort({
    key: 'default/signalling:s1ap',
    name: 'signalling',
    portName: 's1ap',
    protocol: 'SCTP',
    port: 36_412,
    clusterIPs: ['10.96.0.16'],
    nodePort: 30_412,
    endpoints: ['10.244.1.2:36412', '10.244.2.3:36412'],
    local: ['10.244.1.2:36412'],
  }),
  servicePort({
    key: 'default/sticky:http',
    name: 'sticky',
    clusterIPs: ['10.96.0.13'],
    affinitySeconds: 10_800,
    nodePort: 30_080,
    endpoints: [A, B],
  }),
  servicePort({ key: 'default/empty:http', name: 'empty', clusterIPs: ['10.96.0.14'], nodePort: 30_081 }),
  servicePort({
    key: 'default/elsewhere:http',
    name: 'elsewhere',
    clusterIPs: ['10.96.0.15'],
    nodePort: 30_082,
    internalTrafficPolicy: 'Local',
    externalTrafficPolicy: 'Local',
    endpoints: [B],
  }),
];

/** For reading: one element to a line. */
const readable = (statements: string): string =>
  statements.replaceAll(/(add element .*) \{ (.*) \}/g, (_all, head: string, body: string) => {
    const elements = body.split(', ').map((element) => `  ${element},\n`);
    return `${head} {\n${elements.join('')}}`;
  });

describe('the table of nftables', () => {
  it('is, for one of each kind of service, what is to be read in golden/', async () => {
    const state = new TableState({ family: 'IPv4', clusterCIDR: '10.244.0.0/16' });
    state.change(changes([], EVERYTHING));

    await expect(readable(state.rewrite(NOTHING))).toMatchFileSnapshot('golden/services.nft');
  });

  it('changes by the elements that differ, and not by rules, when an endpoint is another one', () => {
    const state = new TableState({ family: 'IPv4' });
    const after = servicePort({ endpoints: [A, '10.244.2.4:8080'], local: [A] });
    state.change(changes([], [PLAIN]));

    expect(state.change(changes([PLAIN], [after]))).toBe(
      [
        'delete element ip keelson-proxy tcp-endpoint-ips { 10.96.0.10 . 80 . 1 }',
        'add element ip keelson-proxy tcp-endpoint-ips { 10.96.0.10 . 80 . 1 : 10.244.2.4 . 8080 }',
        '',
      ].join('\n'),
    );
  });

  it('gives an address that two services have to the first one by name, and to the other when that goes', () => {
    const state = new TableState({ family: 'IPv4' });
    const first = servicePort({ key: 'default/one', externalIPs: ['198.51.100.1'], clusterIPs: [], endpoints: [A] });
    const second = servicePort({ key: 'default/two', externalIPs: ['198.51.100.1'], clusterIPs: [], endpoints: [B] });
    state.change(changes([], [second, first]));

    expect(state.rewrite(NOTHING)).toContain('198.51.100.1 . 80 . 0 : 10.244.1.2 . 8080 }');
    const statements = state.change(changes([first, second], [second]));

    expect(statements).toBe(
      [
        'delete element ip keelson-proxy tcp-endpoint-ips { 198.51.100.1 . 80 . 0 }',
        'add element ip keelson-proxy tcp-endpoint-ips { 198.51.100.1 . 80 . 0 : 10.244.2.3 . 8080 }',
        '',
      ].join('\n'),
    );
  });

  it('comes back to the table of before when what was added is taken away', () => {
    const state = new TableState({ family: 'IPv4' });
    state.change(changes([], [PLAIN]));
    const elementsOf = () => state.rewrite(NOTHING).match(/^(?:add element|add chain ip keelson-proxy sv).*/gm);
    const before = elementsOf();

    state.change(changes([PLAIN], EVERYTHING));
    state.change(changes(EVERYTHING, [PLAIN]));

    expect(elementsOf()).toEqual(before);
  });

  it('serves node ports on the addresses that it is told', () => {
    const state = new TableState({ family: 'IPv4', nodePortAddresses: ['192.0.2.7/24', '2001:db8::/32'] });

    expect(state.rewrite(NOTHING)).toContain(
      'services ip daddr != 127.0.0.0/8 ip daddr { 192.0.2.0/24 } fib daddr type local jump nodeports\n',
    );
  });
});
