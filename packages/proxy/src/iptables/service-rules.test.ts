import { describe, expect, it } from 'vitest';
import { servicePort } from '../testing/service-ports.ts';
import { endpointChain, serviceChain } from './names.ts';
import { serviceRules } from './service-rules.ts';

const A = '10.200.1.2:8080';
const B = '10.200.1.3:8080';
const build = (overrides: Parameters<typeof servicePort>[0], clusterCIDR?: string) => {
  const port = servicePort(overrides);
  const rules = serviceRules(port, { family: port.clusterIPs[0]?.includes(':') ? 'IPv6' : 'IPv4', clusterCIDR });
  return { port, ...rules, chain: (kind: 'SVC' | 'SVL' | 'EXT' | 'FW') => rules.chains.get(serviceChain(kind, port)) };
};

describe('serviceRules', () => {
  it('gives each endpoint the same chance', () => {
    const { chain } = build({ endpoints: [A, B, '10.200.1.4:8080'] });

    expect(chain('SVC')?.map((rule) => /--probability (\S+)/.exec(rule)?.[1])).toEqual([
      '0.33333333349',
      '0.50000000000',
      undefined,
    ]);
  });

  it('asks for known clients first, and remembers them where the packet leaves', () => {
    const { chain, chains, port } = build({ endpoints: [A, B], affinitySeconds: 10_800 });
    const name = endpointChain(port, { address: '10.200.1.2', port: 8080 });

    expect(
      chain('SVC')
        ?.slice(0, 2)
        .every((rule) => rule.includes('--rcheck --seconds 10800 --reap')),
    ).toBe(true);
    expect(chains.get(name)?.[1]).toContain(`-m recent --set --name ${name} `);
  });

  it('serves SCTP like TCP', () => {
    const sctp = { protocol: 'SCTP', port: 36_412, nodePort: 30_412, endpoints: ['10.200.1.2:36412'] } as const;
    const { port, services, nodePorts, chains } = build(sctp);
    const plain = (rules: readonly string[] = []) => rules.map((rule) => rule.replaceAll(/-m comment --comment "[^"]*" /g, ''));

    expect(plain(services)).toEqual([`-d 10.96.0.10/32 -p sctp -m sctp --dport 36412 -j ${serviceChain('SVC', port)}`]);
    expect(plain(nodePorts)).toEqual([`-p sctp -m sctp --dport 30412 -j ${serviceChain('EXT', port)}`]);
    expect(plain(chains.get(endpointChain(port, { address: '10.200.1.2', port: 36_412 })))[1]).toBe(
      '-p sctp -m sctp -j DNAT --to-destination 10.200.1.2:36412',
    );
    expect(plain(build({ ...sctp, endpoints: [] }).refusals)).toEqual([
      '-d 10.96.0.10/32 -p sctp -m sctp --dport 36412 -j REJECT --reject-with icmp-port-unreachable',
    ]);
  });

  it('masquerades what comes to a cluster IP from elsewhere than pods, if it knows where pods are', () => {
    expect(build({ endpoints: [A] }).chain('SVC')).toHaveLength(1);
    expect(build({ endpoints: [A] }, '10.200.0.0/16').chain('SVC')?.[0]).toMatch(
      /^! -s 10\.200\.0\.0\/16 -d 10\.96\.0\.10\/32 .*-j KUBE-MARK-MASQ$/,
    );
  });

  it('keeps the client’s address where the policy is Local, and lets pods of the node go everywhere', () => {
    const local = { endpoints: [A, B], local: [B], nodePort: 30_080, externalTrafficPolicy: 'Local' } as const;
    const { chain } = build(local, '10.200.0.0/16');

    expect(chain('EXT')?.map((rule) => rule.replaceAll(/-m comment --comment "[^"]*" /g, ''))).toEqual([
      `-s 10.200.0.0/16 -j ${serviceChain('SVC', servicePort())}`,
      '-m addrtype --src-type LOCAL -j KUBE-MARK-MASQ',
      `-m addrtype --src-type LOCAL -j ${serviceChain('SVC', servicePort())}`,
      `-j ${serviceChain('SVL', servicePort())}`,
    ]);
  });

  it.each([
    { title: 'rejects without any endpoint', overrides: {}, target: 'REJECT --reject-with icmp-port-unreachable' },
    { title: 'drops without a local one', overrides: { endpoints: [A] }, target: 'DROP' },
  ])('$title', ({ overrides, target }) => {
    const policies = { internalTrafficPolicy: 'Local', externalTrafficPolicy: 'Local' } as const;
    const { refusals, externalRefusals } = build({ ...policies, nodePort: 30_080, externalIPs: ['192.0.2.9'], ...overrides });

    expect(refusals.map((rule) => rule.split(' -j ')[1])).toEqual([target]);
    expect(externalRefusals.map((rule) => rule.split(' -j ')[1])).toEqual([target, target]);
  });

  it('leads a load balancer’s address through its source ranges', () => {
    const { services, firewall, chain } = build({
      endpoints: [A],
      loadBalancerIPs: ['192.0.2.7'],
      loadBalancerSourceRanges: ['10.1.2.3/8', '0.0.0.0/0', 'nonsense'],
    });

    expect(services.at(-1)).toContain(`-j ${serviceChain('FW', servicePort())}`);
    expect(chain('FW')?.map((rule) => rule.split(' -m comment')[0])).toEqual([
      '-s 10.0.0.0/8',
      expect.any(String),
      expect.any(String),
    ]);
    expect(firewall).toEqual([expect.stringMatching(/^-d 192\.0\.2\.7\/32 .*-j DROP$/)]);
  });

  it('serves the same node port over TCP and UDP', () => {
    const both = (['TCP', 'UDP'] as const).map((protocol) => build({ protocol, nodePort: 30_053, endpoints: [A] }).nodePorts[0]);

    expect(both[0]).toMatch(/^-p tcp .*-m tcp --dport 30053/);
    expect(both[1]).toMatch(/^-p udp .*-m udp --dport 30053/);
  });

  it('writes IPv6', () => {
    const endpoint = { address: 'fd01::2', port: 8080, local: false };
    const { services, chains, port } = build({ clusterIPs: ['fd00::10'], clusterEndpoints: [endpoint] });

    expect(services[0]).toMatch(/^-d fd00::10\/128 /);
    expect(chains.get(endpointChain(port, endpoint))?.[1]).toContain('--to-destination [fd01::2]:8080');
  });
});
