import { canonicalRange } from '../kernel/ranges.ts';
import { nodeAddressMatch, SET_MARK, UNMARK, type Chain, type LayoutOptions } from '../nftables/table-layout.ts';

/** The table of nftables beside IPVS: what it can not do itself. */
const IPVS_TABLE = 'keelson-ipvs';

/** The words of nft for the table of an IP family. */
export function ipvsTableOf(family: LayoutOptions['family']): string {
  return `${family === 'IPv6' ? 'ip6' : 'ip'} ${IPVS_TABLE}`;
}

export function ipvsSets(family: LayoutOptions['family']): ReadonlyMap<string, string> {
  const address = family === 'IPv6' ? 'ipv6_addr' : 'ipv4_addr';
  const atIp = `${address} . inet_proto . inet_service`;
  const atNodePort = 'inet_proto . inet_service';
  const types: readonly [string, string][] = [
    ['cluster-ips', address],
    ['service-ips', atIp],
    ['masquerade-ips', atIp],
    ['dropped-ips', atIp],
    ['firewalled-ips', atIp],
    ['nodeports', atNodePort],
    ['masquerade-nodeports', atNodePort],
    ['dropped-nodeports', atNodePort],
    ['hairpin', `${address} . ${address}`],
  ];
  return new Map([
    ...types.map(([name, type]): [string, string] => [name, `set ${name} { type ${type}; }`]),
    ['allowed-sources', `set allowed-sources { type ${atIp} . ${address}; flags interval; }`],
  ]);
}

/** As many rules however many services there are. */
export function ipvsChains(options: LayoutOptions): ReadonlyMap<string, Chain> {
  const { family, clusterCIDR } = options;
  const ip = family === 'IPv6' ? 'ip6' : 'ip';
  const atIp = `${ip} daddr . meta l4proto . th dport`;
  const atNode = `${nodeAddressMatch(family, options.nodePortAddresses)} meta l4proto . th dport`;
  const cidr = clusterCIDR === undefined ? undefined : canonicalRange(clusterCIDR, family);
  const early = (hook: string): [string, Chain] => [
    `early-${hook}`,
    {
      hook: `type filter hook ${hook} priority -110; policy accept;`,
      rules: ['ct state new jump firewall', 'ct state new jump marks'],
    },
  ];
  return new Map<string, Chain>([
    [
      'firewall',
      {
        rules: [
          `${atIp} @firewalled-ips ${atIp} . ${ip} saddr != @allowed-sources drop`,
          `${atIp} @dropped-ips drop`,
          `${atNode} @dropped-nodeports drop`,
        ],
      },
    ],
    [
      'marks',
      {
        rules: [
          ...(cidr === undefined ? [] : [`${ip} saddr != ${cidr} ${ip} daddr @cluster-ips ${SET_MARK}`]),
          // The addresses of services are the node's own, so the node talks to them from themselves.
          `fib saddr type local ${atIp} @service-ips ${SET_MARK}`,
          `${atIp} @masquerade-ips ${SET_MARK}`,
          `${atNode} @masquerade-nodeports ${SET_MARK}`,
        ],
      },
    ],
    early('prerouting'),
    early('output'),
    [
      // They are the node's own: without this, whatever listens on all addresses would be reached by them.
      'input',
      {
        hook: 'type filter hook input priority -90; policy accept;',
        rules: [`ct state new ${ip} daddr @cluster-ips ${atIp} != @service-ips reject`],
      },
    ],
    [
      'nat-postrouting',
      {
        hook: 'type nat hook postrouting priority 100; policy accept;',
        rules: [`${UNMARK} masquerade fully-random`, `${ip} saddr . ${ip} daddr @hairpin masquerade fully-random`],
      },
    ],
  ]);
}
