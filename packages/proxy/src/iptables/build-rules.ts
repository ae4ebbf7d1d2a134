import type { IpFamily, ServicePort } from '../service-map.ts';
import { canonicalRange } from '../kernel/ranges.ts';
import { LAST_RULE_MARK, type Jump, type RuleSet } from './rule-set.ts';
import { comment, serviceRules, type ServiceRules } from './service-rules.ts';

export interface RuleOptions {
  readonly family: IpFamily;
  /** The range of all pods. */
  readonly clusterCIDR?: string | undefined;
  /** Ranges of the node's addresses on which node ports are served; undefined for all. */
  readonly nodePortAddresses?: readonly string[] | undefined;
  /** Set if this proxy has turned on `route_localnet`, so that whoever cleans up knows. */
  readonly localnetIsOurs?: boolean;
}

const MARK = '0x4000/0x4000';
const NEW = '-m conntrack --ctstate NEW';
/** A rule that does nothing but tell a later life of ours what was before. */
export const LOCALNET_NOTE = comment('route_localnet was off before');

const FILTER_JUMPS: readonly Jump[] = [
  ...['INPUT', 'FORWARD'].map((from) => jump(from, 'KUBE-EXTERNAL-SERVICES', 'externally-visible service portals')),
  ...['FORWARD', 'OUTPUT'].map((from) => jump(from, 'KUBE-SERVICES', 'service portals')),
  ...['INPUT', 'FORWARD', 'OUTPUT'].map((from) => jump(from, 'KUBE-PROXY-FIREWALL', 'load balancer firewall')),
  { from: 'FORWARD', rule: `${comment('kubernetes forwarding rules')} -j KUBE-FORWARD` },
  { from: 'INPUT', rule: `${comment('kubernetes health check service ports')} -j KUBE-NODEPORTS` },
];
const LOCALNET_JUMPS: readonly Jump[] = ['INPUT', 'OUTPUT'].map((from) => ({ from, rule: '-j KUBE-FIREWALL' }));
const NAT_JUMPS: readonly Jump[] = [
  ...['PREROUTING', 'OUTPUT'].map((from) => ({ from, rule: `${comment('kubernetes service portals')} -j KUBE-SERVICES` })),
  { from: 'POSTROUTING', rule: `${comment('kubernetes postrouting rules')} -j KUBE-POSTROUTING` },
];

function jump(from: string, chain: string, text: string): Jump {
  return { from, rule: `${NEW} ${comment(`kubernetes ${text}`)} -j ${chain}` };
}

/** Makes the rules of whole service maps. A service port that has not changed since the last call costs next to nothing. */
export class RuleBuilder {
  readonly #options: RuleOptions;
  readonly #rules = new WeakMap<ServicePort, ServiceRules>();

  constructor(options: RuleOptions) {
    this.#options = options;
  }

  build(ports: Iterable<ServicePort>, { localnetIsOurs }: { readonly localnetIsOurs: boolean }): RuleSet {
    const rules = [...ports].map((port) => this.#rulesOf(port));
    const isIpv4 = this.#options.family === 'IPv4';
    const collect = (part: Exclude<keyof ServiceRules, 'chains'>): string[] => rules.flatMap((one) => one[part]);
    const filter = new Map<string, readonly string[]>([
      ['KUBE-SERVICES', collect('refusals')],
      ['KUBE-EXTERNAL-SERVICES', collect('externalRefusals')],
      ['KUBE-NODEPORTS', collect('healthChecks')],
      ['KUBE-PROXY-FIREWALL', collect('firewall')],
      ['KUBE-FORWARD', FORWARD],
    ]);
    if (isIpv4) filter.set('KUBE-FIREWALL', localnetIsOurs ? [...LOCALNET, LOCALNET_NOTE] : LOCALNET);
    const nat = new Map<string, readonly string[]>([
      ['KUBE-SERVICES', [...collect('services'), ...this.#nodePortJumps()]],
      ['KUBE-NODEPORTS', collect('nodePorts')],
      ['KUBE-POSTROUTING', POSTROUTING],
      ['KUBE-MARK-MASQ', [`-j MARK --set-xmark ${MARK}`]],
    ]);
    for (const { chains } of rules) for (const [chain, lines] of chains) nat.set(chain, lines);
    return {
      filter: { chains: filter, jumps: isIpv4 ? [...FILTER_JUMPS, ...LOCALNET_JUMPS] : FILTER_JUMPS },
      nat: { chains: nat, jumps: NAT_JUMPS },
    };
  }

  #rulesOf(port: ServicePort): ServiceRules {
    const known = this.#rules.get(port);
    if (known) return known;
    const made = serviceRules(port, this.#options);
    this.#rules.set(port, made);
    return made;
  }

  #nodePortJumps(): string[] {
    const { nodePortAddresses, family } = this.#options;
    const rule = `${comment(`kubernetes service nodeports; ${LAST_RULE_MARK}`)} -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS`;
    if (!nodePortAddresses) return [rule];
    return nodePortAddresses
      .flatMap((range) => canonicalRange(range, family) ?? [])
      .map((range) => (range.endsWith('/0') ? rule : `-d ${range} ${rule}`));
  }
}

const FORWARD: readonly string[] = [
  '-m conntrack --ctstate INVALID -j DROP',
  `${comment('kubernetes forwarding rules')} -m mark --mark ${MARK} -j ACCEPT`,
  `${comment('kubernetes forwarding conntrack rule')} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT`,
];

/** With `route_localnet` on, neighbours could reach what listens on 127.0.0.1 only. */
const LOCALNET: readonly string[] = [
  `! -s 127.0.0.0/8 -d 127.0.0.0/8 ${comment('block incoming localnet connections')} -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP`,
];

const POSTROUTING: readonly string[] = [
  `-m mark ! --mark ${MARK} -j RETURN`,
  // Away with the mark, so that the packet is not masqueraded again if it passes the network stack once more.
  '-j MARK --set-xmark 0x4000/0x0',
  `${comment('kubernetes service traffic requiring SNAT')} -j MASQUERADE --random-fully`,
];
