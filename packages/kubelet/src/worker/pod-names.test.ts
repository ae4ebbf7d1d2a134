import { describe, expect, it } from 'vitest';
import type { Pod } from '@keelson/api/core/v1';
import { dnsWarnings } from './pod-dns.ts';
import { podHosts } from './pod-hosts.ts';
import { sandboxConfig } from './sandbox-config.ts';

const metadata = { name: 'shop-1', namespace: 'default', uid: 'u' };
const cluster = {
  clusterDns: ['10.96.0.10'],
  clusterDomain: 'cluster.local',
  nodeDns: { servers: [], searches: [], options: [] },
};

function podOf(spec: Partial<Pod['spec'] & object>): Pod {
  return { metadata, spec: { containers: [], ...spec } };
}

describe('dnsWarnings', () => {
  it('leaves out what resolvers do not take, and says so', () => {
    const nameservers = ['192.0.2.2', '192.0.2.3', '192.0.2.4'];

    expect(dnsWarnings(podOf({}), cluster)).toEqual([]);
    expect(dnsWarnings(podOf({ dnsConfig: { nameservers } }), cluster)).toEqual([
      [
        'DNSConfigForming',
        'Nameserver limits were exceeded, some nameservers have been omitted, the applied nameserver line is: 10.96.0.10 192.0.2.2 192.0.2.3',
      ],
    ]);
  });

  it('says that it has no name server of the cluster to offer', () => {
    expect(dnsWarnings(podOf({}), { ...cluster, clusterDns: [] })).toEqual([
      [
        'MissingClusterDNS',
        'pod: "shop-1_default(u)". kubelet does not have ClusterDNS IP configured and cannot create Pod using "ClusterFirst" policy. Falling back to "Default" policy.',
      ],
    ]);
  });
});

describe('podHosts', () => {
  const input = { podIps: ['10.1.0.2', 'fd00::2'], clusterDomain: 'cluster.local', ofNode: '127.0.0.1 node\n' };

  it('tells of the loopback interface, the pod and its aliases', () => {
    const text = podHosts({
      ...input,
      pod: podOf({ subdomain: 'web', hostAliases: [{ ip: '10.9.9.9', hostnames: ['a', 'b'] }] }),
    });

    expect(text).toBe(`# Kubernetes-managed hosts file.
127.0.0.1\tlocalhost
::1\tlocalhost ip6-localhost ip6-loopback
fe00::0\tip6-localnet
fe00::0\tip6-mcastprefix
fe00::1\tip6-allnodes
fe00::2\tip6-allrouters
10.1.0.2\tshop-1.web.default.svc.cluster.local\tshop-1
fd00::2\tshop-1.web.default.svc.cluster.local\tshop-1

# Entries added by HostAliases.
10.9.9.9\ta\tb
`);
  });

  it('is that of the node on its network', () => {
    expect(podHosts({ ...input, pod: podOf({ hostNetwork: true }) })).toBe(
      '# Kubernetes-managed hosts file (host network).\n127.0.0.1 node\n',
    );
  });
});

describe('sandboxConfig', () => {
  const context = { nodeName: 'n1', ...cluster };
  const hostname = (spec: Partial<Pod['spec'] & object>) => sandboxConfig(podOf(spec), 0, context).hostname;

  it.each([
    { spec: {}, want: 'shop-1' },
    { spec: { hostname: 'a', subdomain: 'b' }, want: 'a' },
    { spec: { hostname: 'a', subdomain: 'b', setHostnameAsFQDN: true }, want: 'a.b.default.svc.cluster.local' },
    { spec: { setHostnameAsFQDN: true }, want: 'shop-1' },
    { spec: { hostNetwork: true }, want: 'n1' },
    { spec: { hostname: `${'x'.repeat(62)}-y` }, want: 'x'.repeat(62) },
    { spec: { hostnameOverride: 'mine.example' }, want: 'mine.example' },
  ])('calls $spec "$want"', ({ spec, want }) => {
    expect(hostname(spec)).toBe(want);
  });

  it('refuses a full name that is too long for the kernel', () => {
    const subdomain = 'y'.repeat(40);

    expect(() => hostname({ subdomain, setHostnameAsFQDN: true })).toThrow(
      /^Failed to construct FQDN from pod hostname and cluster domain, FQDN shop-1\.y+\.default\.svc\.cluster\.local is too long \(64 characters is the max, 73 characters requested\)$/,
    );
  });
});
