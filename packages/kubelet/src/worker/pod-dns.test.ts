import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PodSpec } from '@keelson/api/core/v1';
import { describe, expect, it } from 'vitest';
import { podDns, readNodeDns } from './pod-dns.ts';

const NODE = { servers: ['192.0.2.53'], searches: ['example.com'], options: ['timeout:1'] };
const OWN = ['shop.svc.cluster.local', 'svc.cluster.local', 'cluster.local'];
const CLUSTER = { servers: ['10.96.0.10'], searches: [...OWN, 'example.com'], options: ['ndots:5'] };

function dns(spec: Partial<PodSpec>, clusterDns: readonly string[] = ['10.96.0.10']) {
  const pod = { metadata: { name: 'p', namespace: 'shop' }, spec: { containers: [], ...spec } };
  return podDns(pod, { clusterDns, clusterDomain: 'cluster.local', nodeDns: NODE });
}

describe('podDns', () => {
  it.each([
    { title: 'asks cluster DNS first, with the searches of the node behind', spec: {}, want: CLUSTER },
    { title: 'is that of the node for Default', spec: { dnsPolicy: 'Default' }, want: NODE },
    { title: 'is that of the node in the network of the node', spec: { hostNetwork: true }, want: NODE },
    {
      title: 'is that of the cluster in the network of the node if the pod says so',
      spec: { hostNetwork: true, dnsPolicy: 'ClusterFirstWithHostNet' },
      want: CLUSTER,
    },
    {
      title: 'is only what the pod says for None',
      spec: { dnsPolicy: 'None', dnsConfig: { nameservers: ['1.1.1.1'], searches: ['a.b'], options: [{ name: 'edns0' }] } },
      want: { servers: ['1.1.1.1'], searches: ['a.b'], options: ['edns0'] },
    },
    {
      title: 'adds what the pod says, and takes its options before others of their name',
      spec: {
        dnsConfig: {
          nameservers: ['1.1.1.1', '10.96.0.10'],
          searches: ['a.b', 'cluster.local'],
          options: [{ name: 'ndots', value: '2' }, { name: 'edns0' }],
        },
      },
      want: {
        servers: ['10.96.0.10', '1.1.1.1'],
        searches: [...OWN, 'example.com', 'a.b'],
        options: ['ndots:2', 'edns0'],
      },
    },
    {
      title: 'adds to that of the node for Default',
      spec: { dnsPolicy: 'Default', dnsConfig: { nameservers: ['1.1.1.1'] } },
      want: { ...NODE, servers: ['192.0.2.53', '1.1.1.1'] },
    },
  ] satisfies { title: string; spec: Partial<PodSpec>; want: unknown }[])('$title', ({ spec, want }) => {
    expect(dns(spec)).toEqual(want);
  });

  it('is that of the node without cluster DNS', () => {
    expect(dns({}, [])).toEqual(NODE);
  });

  it('keeps to what resolvers read: 3 servers, 32 searches, 2,048 characters', () => {
    const searches = Array.from({ length: 40 }, (_, index) => `${'a'.repeat(60)}.${index}`);
    const many = dns({ dnsConfig: { nameservers: ['1.1.1.1', '2.2.2.2', '3.3.3.3'], searches } });

    expect(many.servers).toEqual(['10.96.0.10', '1.1.1.1', '2.2.2.2']);
    expect(many.searches.length).toBeLessThanOrEqual(32);
    expect(many.searches.join(' ').length).toBeLessThanOrEqual(2_048);
  });
});

describe('readNodeDns', () => {
  it('reads what is behind a resolver on loopback, which pods cannot reach', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'resolv-'));
    const [stub, real] = [join(directory, 'stub'), join(directory, 'real')];
    await writeFile(stub, 'nameserver 127.0.0.53\noptions edns0\n');
    await writeFile(real, '# made by hand\nnameserver 192.0.2.53 ; one\nsearch old\nsearch example.com. .\noptions timeout:1\n');

    expect(await readNodeDns([stub, real])).toEqual(NODE);
    expect(await readNodeDns([join(directory, 'none')])).toEqual({ servers: [], searches: [], options: [] });
    await rm(directory, { recursive: true });
  });
});
