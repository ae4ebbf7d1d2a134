import { blockListOf } from '../addresses.ts';
import type { IpFamily } from '../service-map.ts';
import { canonicalRange } from '../kernel/ranges.ts';

/** The table that all of ours is in. */
const TABLE = 'keelson-proxy';
/** Where the endpoints of this node begin among those of one address and port. */
export const LOCAL_OFFSET = 32_768;
/** Marks what has to get the node's address as its source; the bit that kube-proxy uses. */
const MARK = '0x4000';

export interface LayoutOptions {
  readonly family: IpFamily;
  /** The range of all pods. Traffic to a cluster IP from elsewhere gets the node's address, so that answers come back the same way. */
  readonly clusterCIDR?: string | undefined;
  /** Ranges of the node's addresses on which node ports are served; undefined for all. */
  readonly nodePortAddresses?: readonly string[] | undefined;
  /** Set if this proxy has turned on `route_localnet`, so that whoever cleans up knows. */
  readonly localnetIsOurs?: boolean;
}

/** A chain that does nothing but tell a later life of ours that `route_localnet` was off before. */
export const LOCALNET_NOTE = 'note-localnet-was-off';

/** Whether node ports are served on 127.0.0.1: packets from there leave the loopback interface only under IPv4, where a setting lets them. */
export function servesLocalhost({ family, nodePortAddresses }: Pick<LayoutOptions, 'family' | 'nodePortAddresses'>): boolean {
  return family === 'IPv4' && (nodePortAddresses === undefined || blockListOf(nodePortAddresses).check('127.0.0.1'));
}

/** A set or map of fixed name, whose elements are the services. */
export type SetName =
  | 'cluster-ips'
  | 'firewalled-ips'
  | 'allowed-sources'
  | 'hairpin'
  | `${'service' | 'inside' | 'masquerade' | 'refused' | EndpointMap}-${'ips' | 'nodeports'}`;

const PROTOCOLS = ['tcp', 'udp', 'sctp'] as const;
/** Endpoints are kept by protocol: `nft` does not take rules for several of them at a map that is there already. */
type EndpointMap = `${(typeof PROTOCOLS)[number]}-endpoint`;

/** The words of nft for an IP family. */
export function wordsOf(family: IpFamily): { readonly table: string; readonly ip: string; readonly address: string } {
  return family === 'IPv6'
    ? { table: `ip6 ${TABLE}`, ip: 'ip6', address: 'ipv6_addr' }
    : { table: `ip ${TABLE}`, ip: 'ip', address: 'ipv4_addr' };
}

/** Declarations of all sets and maps of fixed name. */
export function setsOf(family: IpFamily): ReadonlyMap<SetName, string> {
  const { ip, address } = wordsOf(family);
  const atIp = `${address} . inet_proto . inet_service`;
  const atNodePort = 'inet_proto . inet_service';
  // The last number is an index: nothing else of that type is there to be named.
  const index = 'numgen random mod 65536';
  return new Map<SetName, string>([
    ['cluster-ips', `set cluster-ips { type ${address}; }`],
    ['service-ips', `map service-ips { type ${atIp} : verdict; }`],
    ['service-nodeports', `map service-nodeports { type ${atNodePort} : verdict; }`],
    ['inside-ips', `map inside-ips { type ${atIp} : verdict; }`],
    ['inside-nodeports', `map inside-nodeports { type ${atNodePort} : verdict; }`],
    ['masquerade-ips', `set masquerade-ips { type ${atIp}; }`],
    ['masquerade-nodeports', `set masquerade-nodeports { type ${atNodePort}; }`],
    ['refused-ips', `map refused-ips { type ${atIp} : verdict; }`],
    ['refused-nodeports', `map refused-nodeports { type ${atNodePort} : verdict; }`],
    ['firewalled-ips', `set firewalled-ips { type ${atIp}; }`],
    ['allowed-sources', `set allowed-sources { type ${atIp} . ${address}; flags interval; }`],
    ['hairpin', `set hairpin { type ${address} . ${address}; }`],
    ...PROTOCOLS.flatMap((protocol): [SetName, string][] => {
      const value = `${ip} daddr . ${protocol} dport`;
      const [atIps, atNodePorts] = [`${protocol}-endpoint-ips`, `${protocol}-endpoint-nodeports`] as const;
      return [
        [atIps, `map ${atIps} { typeof ${ip} daddr . ${protocol} dport . ${index} : ${value}; }`],
        [atNodePorts, `map ${atNodePorts} { typeof ${protocol} dport . ${index} : ${value}; }`],
      ];
    }),
  ]);
}

/** A chain: where it hangs, if it is not only led to, and its rules. */
export interface Chain {
  readonly hook?: string;
  readonly rules: readonly string[];
}

/** All chains of fixed name. Those that others lead to come first. */
export function chainsOf(options: LayoutOptions): ReadonlyMap<string, Chain> {
  const { family, clusterCIDR, nodePortAddresses } = options;
  const { ip } = wordsOf(family);
  const atNode = servesLocalhost(options) ? nodeMatch(family, nodePortAddresses) : nodeAddressMatch(family, nodePortAddresses);
  const atIp = `${ip} daddr . meta l4proto . th dport`;
  const atNodePort = 'meta l4proto . th dport';
  const cidr = clusterCIDR === undefined ? undefined : canonicalRange(clusterCIDR, family);
  const inside = (key: string, map: string): string[] => [
    ...(cidr === undefined ? [] : [`${ip} saddr ${cidr} ${key} vmap @${map}`]),
    `fib saddr type local ${key} vmap @${map}`,
  ];
  return new Map<string, Chain>([
    ['refuse', { rules: ['reject'] }],
    [
      'nodeports',
      {
        rules: [
          ...inside(atNodePort, 'inside-nodeports'),
          `${atNodePort} @masquerade-nodeports ${SET_MARK}`,
          `${atNodePort} vmap @service-nodeports`,
        ],
      },
    ],
    [
      'services',
      {
        rules: [
          ...(cidr === undefined ? [] : [`${ip} saddr != ${cidr} ${ip} daddr @cluster-ips ${SET_MARK}`]),
          ...inside(atIp, 'inside-ips'),
          `${atIp} @masquerade-ips ${SET_MARK}`,
          `${atIp} vmap @service-ips`,
          `${atNode} jump nodeports`,
        ],
      },
    ],
    ['firewall', { rules: [`${atIp} @firewalled-ips ${atIp} . ${ip} saddr != @allowed-sources drop`] }],
    [
      // Behind the translation of addresses: what still wears the address of a service has nowhere to go.
      'refusals',
      {
        rules: [
          `${atIp} vmap @refused-ips`,
          `${atNode} ${atNodePort} vmap @refused-nodeports`,
          `${ip} daddr @cluster-ips goto refuse`,
        ],
      },
    ],
    ...hookedChains(ip),
    ...localnetChains(options),
  ]);
}

/** Notes that a connection has to get the node's address as its source. */
export const SET_MARK = `meta mark set meta mark or ${MARK}`;
/** Matches what `SET_MARK` has marked, and takes the mark away. */
export const UNMARK = `meta mark and ${MARK} == ${MARK} meta mark set meta mark xor ${MARK}`;

function hookedChains(ip: string): [string, Chain][] {
  const nat = (hook: string, rules: readonly string[]): [string, Chain] => [
    `nat-${hook}`,
    { hook: `type nat hook ${hook} priority ${hook === 'postrouting' ? 100 : -100}; policy accept;`, rules },
  ];
  const filter = (hook: string, priority: number, to: string): [string, Chain] => [
    `${to}-${hook}`,
    { hook: `type filter hook ${hook} priority ${priority}; policy accept;`, rules: [`ct state new jump ${to}`] },
  ];
  return [
    filter('prerouting', -110, 'firewall'),
    filter('output', -110, 'firewall'),
    nat('prerouting', ['jump services']),
    nat('output', ['jump services']),
    ...['input', 'forward', 'output'].map((hook) => filter(hook, -90, 'refusals')),
    nat('postrouting', [
      // Away with the mark, so that the packet is not masqueraded again if it passes the network stack once more.
      `${UNMARK} masquerade fully-random`,
      // A pod that gets to itself: with its own address as the source the answer would never leave it.
      `ct status dnat ${ip} saddr . ${ip} daddr @hairpin masquerade fully-random`,
    ]),
  ];
}

/** With `route_localnet` on, neighbours could reach what listens on 127.0.0.1 only. */
function localnetChains(options: LayoutOptions): [string, Chain][] {
  if (!servesLocalhost(options)) return [];
  const fromNeighbours = 'ip saddr != 127.0.0.0/8 ip daddr 127.0.0.0/8';
  const hook = 'type filter hook input priority -90; policy accept;';
  const guard: Chain = { hook, rules: [`${fromNeighbours} ct state != { established, related } ct status and 0x20 == 0 drop`] };
  return [
    ['localnet-input', guard],
    ...(options.localnetIsOurs ? [[LOCALNET_NOTE, { rules: [] }] satisfies [string, Chain]] : []),
  ];
}

/** Addresses that node ports are served on, without those of the loopback. */
export function nodeAddressMatch(family: IpFamily, ranges: readonly string[] | undefined): string {
  return `${wordsOf(family).ip} daddr != ${family === 'IPv6' ? '::1' : '127.0.0.0/8'} ${nodeMatch(family, ranges)}`;
}

function nodeMatch(family: IpFamily, ranges: readonly string[] | undefined): string {
  const own = (ranges ?? []).flatMap((range) => canonicalRange(range, family) ?? []);
  if (own.length === 0 || own.some((range) => range.endsWith('/0'))) return 'fib daddr type local';
  return `${wordsOf(family).ip} daddr { ${own.join(', ')} } fib daddr type local`;
}

const COUNTED = /^(node-)?(to|to-local|inside)-(\d+)$/;

/** The chain of a name like `to-5`, which takes one of five endpoints by chance; undefined for other names. */
export function countedChain(name: string, family: IpFamily): Chain | undefined {
  const [, node, kind, count] = COUNTED.exec(name) ?? [];
  if (kind === undefined) return undefined;
  const { ip } = wordsOf(family);
  const offset = kind === 'to-local' ? ` offset ${LOCAL_OFFSET}` : '';
  const [at, where] = node ? ['', 'nodeports'] : [`${ip} daddr . `, 'ips'];
  const take = PROTOCOLS.map((protocol) => {
    const key = `${at}${protocol} dport . numgen random mod ${count}${offset}`;
    return `meta l4proto ${protocol} dnat ${ip} to ${key} map @${protocol}-endpoint-${where}`;
  });
  return { rules: kind === 'inside' ? [FROM_NODE, ...take] : take };
}

/** The node itself has many addresses: an endpoint on another node could answer to one that leads elsewhere. */
export const FROM_NODE = `fib saddr type local ${SET_MARK}`;
