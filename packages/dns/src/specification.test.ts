import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask, edns, rcodeOf, texts } from './test-support/client.ts';
import { service, slice } from './test-support/objects.ts';
import { runServer, type RunningServer } from './test-support/running-server.ts';

const HTTPS = { name: 'https', port: 443, protocol: 'TCP' };
const HTTPS_AND_DNS = [HTTPS, { name: 'dns', port: 53, protocol: 'UDP' }];

const SERVICES = [
  service('kubernetes', { clusterIP: '10.3.0.1', clusterIPs: ['10.3.0.1', '2001:db8::1'], ports: [HTTPS] }),
  service('single', { clusterIP: '10.3.0.7', ports: [{ port: 80, protocol: 'TCP' }] }),
  service('pending', { ports: [HTTPS] }),
  service('headless', { clusterIP: 'None', ports: HTTPS_AND_DNS }),
  service('empty', { clusterIP: 'None', ports: [HTTPS] }),
  service('unready', { clusterIP: 'None', publishNotReadyAddresses: true }),
  service('tolerant', { clusterIP: 'None' }, { 'service.alpha.kubernetes.io/tolerate-unready-endpoints': 'true' }),
  service('manual', { clusterIP: 'None' }),
  service('pair', { clusterIP: 'None', ports: [HTTPS] }),
  service('foo', { type: 'ExternalName', externalName: 'www.example.com' }),
  service('dotted', { type: 'ExternalName', externalName: 'www.example.com.' }),
  service('near', { type: 'ExternalName', externalName: 'single.default.svc.cluster.local' }),
  service('ring', { type: 'ExternalName', externalName: 'ring.default.svc.cluster.local' }),
];
const NOT_READY = { addresses: ['10.3.0.103'], conditions: { ready: false } };
const SLICES = [
  slice('headless', {
    endpoints: [
      { addresses: ['10.3.0.100'], hostname: 'my-pet', conditions: { ready: true } },
      { addresses: ['10.3.0.101'], hostname: 'my-pet-2' },
      { addresses: ['10.3.0.102'] },
      NOT_READY,
    ],
    ports: HTTPS_AND_DNS,
  }),
  // An endpoint on its way between two slices is in both.
  slice('headless', { endpoints: [{ addresses: ['10.3.0.102'] }], ports: HTTPS_AND_DNS }, 'headless-2'),
  slice(
    'headless',
    { addressType: 'IPv6', endpoints: [{ addresses: ['2001:db8::64'], hostname: 'my-pet' }], ports: HTTPS_AND_DNS },
    'headless-6',
  ),
  slice('empty', { endpoints: [NOT_READY], ports: [HTTPS] }),
  slice('unready', { endpoints: [{ addresses: ['10.3.0.110'], conditions: { ready: false } }] }),
  slice('tolerant', { endpoints: [{ addresses: ['10.3.0.111'], conditions: { ready: false } }] }),
  slice('manual', { endpoints: [{ addresses: ['192.0.2.1'] }, { addresses: ['192.0.2.1'], hostname: 'named' }] }),
  slice('pair', {
    endpoints: [
      { addresses: ['10.3.0.120'], hostname: 'twin' },
      { addresses: ['10.3.0.121'], hostname: 'twin' },
    ],
    ports: [HTTPS],
  }),
  slice('kubernetes', { endpoints: [{ addresses: ['172.16.0.1'], hostname: 'server' }], ports: [HTTPS] }),
];

const SVC = 'default.svc.cluster.local';
const NOERROR = 0;
const NXDOMAIN = 3;
const SOA = ['cluster.local SOA ns.dns.cluster.local hostmaster.cluster.local 5'];
const ONES = '1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa';
const PET_6 = '4.6.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa';

describe('the Kubernetes DNS specification', () => {
  let running: RunningServer;
  beforeAll(async () => {
    running = await runServer({ services: SERVICES, slices: SLICES });
  });
  afterAll(() => running[Symbol.asyncDispose]());

  it.each([
    { name: 'dns-version.cluster.local', type: 'TXT', answers: ['1.1.0'] },
    { name: `kubernetes.${SVC}`, type: 'A', answers: ['10.3.0.1'] },
    { name: `kubernetes.${SVC}`, type: 'AAAA', answers: ['2001:db8::1'] },
    { name: `KUBERNETES.Default.SVC.cluster.LOCAL`, type: 'A', answers: ['10.3.0.1'] },
    { name: `_https._tcp.kubernetes.${SVC}`, type: 'SRV', answers: [`0 100 443 kubernetes.${SVC}`] },
    { name: `_HTTPS._TCP.kubernetes.${SVC}`, type: 'SRV', answers: [`0 100 443 kubernetes.${SVC}`] },
    { name: '1.0.3.10.in-addr.arpa', type: 'PTR', answers: [`kubernetes.${SVC}`] },
    { name: ONES, type: 'PTR', answers: [`kubernetes.${SVC}`] },
    { name: `headless.${SVC}`, type: 'A', answers: ['10.3.0.100', '10.3.0.101', '10.3.0.102'] },
    { name: `headless.${SVC}`, type: 'AAAA', answers: ['2001:db8::64'] },
    { name: `my-pet.headless.${SVC}`, type: 'A', answers: ['10.3.0.100'] },
    { name: `my-pet.headless.${SVC}`, type: 'AAAA', answers: ['2001:db8::64'] },
    { name: `10-3-0-102.headless.${SVC}`, type: 'A', answers: ['10.3.0.102'] },
    {
      name: `_https._tcp.headless.${SVC}`,
      type: 'SRV',
      answers: ['my-pet', 'my-pet-2', '10-3-0-102'].map((label) => `0 33 443 ${label}.headless.${SVC}`),
    },
    {
      name: `_dns._udp.headless.${SVC}`,
      type: 'SRV',
      answers: ['my-pet', 'my-pet-2', '10-3-0-102'].map((label) => `0 33 53 ${label}.headless.${SVC}`),
    },
    { name: '100.0.3.10.in-addr.arpa', type: 'PTR', answers: [`my-pet.headless.${SVC}`] },
    { name: PET_6, type: 'PTR', answers: [`my-pet.headless.${SVC}`] },
    { name: '102.0.3.10.in-addr.arpa', type: 'PTR', answers: [`10-3-0-102.headless.${SVC}`] },
    { name: `twin.pair.${SVC}`, type: 'A', answers: ['10.3.0.120', '10.3.0.121'] },
    { name: `_https._tcp.pair.${SVC}`, type: 'SRV', answers: [`0 100 443 twin.pair.${SVC}`] },
    { name: '121.0.3.10.in-addr.arpa', type: 'PTR', answers: [`twin.pair.${SVC}`] },
    { name: `unready.${SVC}`, type: 'A', answers: ['10.3.0.110'] },
    { name: `tolerant.${SVC}`, type: 'A', answers: ['10.3.0.111'] },
    { name: `manual.${SVC}`, type: 'A', answers: ['192.0.2.1'] },
    { name: '1.2.0.192.in-addr.arpa', type: 'PTR', answers: [`192-0-2-1.manual.${SVC}`, `named.manual.${SVC}`] },
    { name: `foo.${SVC}`, type: 'CNAME', answers: ['www.example.com'] },
    { name: `dotted.${SVC}`, type: 'A', answers: ['www.example.com'], as: 'CNAME' },
    { name: '1-2-3-4.default.pod.cluster.local', type: 'A', answers: ['1.2.3.4'] },
    { name: '0-0-0-0.default.pod.cluster.local', type: 'A', answers: ['0.0.0.0'] },
    { name: '255-255-255-255.default.pod.cluster.local', type: 'A', answers: ['255.255.255.255'] },
    { name: '2001-db8--1.default.pod.cluster.local', type: 'AAAA', answers: ['2001:db8::1'] },
    { name: 'cluster.local', type: 'SOA', answers: [SOA[0]?.slice('cluster.local SOA '.length)] },
    { name: 'cluster.local', type: 'NS', answers: ['ns.dns.cluster.local'] },
    { name: `kubernetes.${SVC}`, type: 'ANY', answers: ['RFC8482'], as: 'HINFO' },
  ])('answers $name $type', async ({ name, type, answers, as = type }) => {
    const packet = await ask(running.port, name, type);

    expect(texts(packet.answers)).toEqual(answers.map((answer) => `${name} ${as} ${answer}`));
    expect(packet).toMatchObject({ flag_aa: true, flag_tc: false, questions: [{ name, type }] });
    expect(packet.answers?.every((record) => record.type !== 'OPT' && record.ttl === 5)).toBe(true);
  });

  it.each([
    { why: 'another family', name: `single.${SVC}`, type: 'AAAA', rcode: NOERROR },
    { why: 'another type', name: `kubernetes.${SVC}`, type: 'MX', rcode: NOERROR },
    { why: 'what is only above other names', name: `_tcp.kubernetes.${SVC}`, type: 'A', rcode: NOERROR },
    { why: 'a namespace with Services', name: SVC, type: 'A', rcode: NOERROR },
    { why: 'the zone itself', name: 'cluster.local', type: 'A', rcode: NOERROR },
    { why: 'svc', name: 'svc.cluster.local', type: 'A', rcode: NOERROR },
    { why: 'a pod of the other family', name: '1-2-3-4.default.pod.cluster.local', type: 'AAAA', rcode: NOERROR },
    { why: 'another type of a reverse name', name: '1.0.3.10.in-addr.arpa', type: 'A', rcode: NOERROR },
    { why: 'no such Service', name: `nope.${SVC}`, type: 'A', rcode: NXDOMAIN },
    { why: 'no such namespace', name: 'kubernetes.nope.svc.cluster.local', type: 'A', rcode: NXDOMAIN },
    { why: 'an empty namespace', name: 'nope.svc.cluster.local', type: 'A', rcode: NXDOMAIN },
    { why: 'no ready endpoint', name: `empty.${SVC}`, type: 'A', rcode: NXDOMAIN },
    { why: 'an endpoint that is not ready', name: `10-3-0-103.headless.${SVC}`, type: 'A', rcode: NXDOMAIN },
    { why: 'no cluster IP yet', name: `pending.${SVC}`, type: 'A', rcode: NXDOMAIN },
    { why: 'an endpoint behind a cluster IP', name: `server.kubernetes.${SVC}`, type: 'A', rcode: NXDOMAIN },
    { why: 'a port without a name', name: `_._tcp.single.${SVC}`, type: 'SRV', rcode: NXDOMAIN },
    { why: 'a port of another protocol', name: `_https._udp.kubernetes.${SVC}`, type: 'SRV', rcode: NXDOMAIN },
    { why: 'no address', name: '1-2-3.default.pod.cluster.local', type: 'A', rcode: NXDOMAIN },
    { why: 'a number too high for an address', name: '10-3-0-256.default.pod.cluster.local', type: 'A', rcode: NXDOMAIN },
    { why: 'no ready endpoint for ports', name: `_https._tcp.empty.${SVC}`, type: 'SRV', rcode: NXDOMAIN },
    { why: 'no part of the schema', name: 'www.cluster.local', type: 'A', rcode: NXDOMAIN },
    { why: 'below an alias', name: `www.foo.${SVC}`, type: 'A', rcode: NXDOMAIN },
  ])('says with the SOA record that there is nothing: $why', async ({ name, type, rcode }) => {
    const packet = await ask(running.port, name, type);

    expect(rcodeOf(packet)).toBe(rcode);
    expect(packet.answers).toEqual([]);
    expect(texts(packet.authorities)).toEqual(SOA);
    expect(packet.flag_aa).toBe(true);
  });

  it('adds the addresses that SRV records lead to', async () => {
    const packet = await ask(running.port, `_https._tcp.headless.${SVC}`, 'SRV', edns(1_232));

    expect(texts(packet.additionals)).toEqual([
      `my-pet.headless.${SVC} A 10.3.0.100`,
      `my-pet.headless.${SVC} AAAA 2001:db8::64`,
      `my-pet-2.headless.${SVC} A 10.3.0.101`,
      `10-3-0-102.headless.${SVC} A 10.3.0.102`,
    ]);
  });

  it('adds the addresses of both families of the Service that an SRV record leads to', async () => {
    const packet = await ask(running.port, `_https._tcp.kubernetes.${SVC}`, 'SRV', edns(1_232));

    expect(texts(packet.additionals)).toEqual([`kubernetes.${SVC} A 10.3.0.1`, `kubernetes.${SVC} AAAA 2001:db8::1`]);
  });

  it('follows an alias to another Service', async () => {
    const packet = await ask(running.port, `near.${SVC}`, 'A');

    expect(texts(packet.answers)).toEqual([`near.${SVC} CNAME single.${SVC}`, `single.${SVC} A 10.3.0.7`]);
  });

  it('does not follow aliases for ever', async () => {
    expect(rcodeOf(await ask(running.port, `ring.${SVC}`, 'A'))).toBe(2);
  });

  it.each(['example.com', '9.9.9.9.in-addr.arpa'])('refuses %s without an upstream', async (name) => {
    expect(rcodeOf(await ask(running.port, name, 'A'))).toBe(5);
  });
});
