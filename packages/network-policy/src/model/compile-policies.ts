import type { IpFamily } from '@keelson/api';
import type {
  NetworkPolicy,
  NetworkPolicyEgressRule,
  NetworkPolicyIngressRule,
  NetworkPolicyPeer,
  NetworkPolicyPort,
} from '@keelson/api/networking/v1';
import { rangesOf } from './address-ranges.ts';
import type { ClusterPods, PolicyPod } from './cluster-pods.ts';

export type Direction = 'ingress' | 'egress';

/** Who is at the other end. */
export type Peers =
  | 'any'
  /** `pods` is undefined if no selector is among the peers; it changes with pods, all else with the policy only. */
  | { readonly pods: readonly string[] | undefined; readonly ranges: readonly string[] };

/** On which port of the pod that is connected to. */
export type Ports =
  | 'any'
  | {
      /** By protocol in lower case; ports or ranges of them, or all. */
      readonly numbers: ReadonlyMap<string, readonly string[] | 'any'>;
      /** `ADDRESS . PROTOCOL . PORT`, where the name means that; undefined if no port is named. */
      readonly named: readonly string[] | undefined;
    };

export interface CompiledRule {
  readonly peers: Peers;
  readonly ports: Ports;
}

/** One direction of one policy. */
export interface CompiledPolicy {
  /** `NAMESPACE/NAME`. */
  readonly key: string;
  readonly direction: Direction;
  readonly rules: readonly CompiledRule[];
}

/** What is to be enforced on one node, for one family of addresses. */
export interface CompiledPolicies {
  readonly family: IpFamily;
  readonly policies: readonly CompiledPolicy[];
  /** By the address of each isolated pod the keys of the policies that let something in or out, in order. */
  readonly isolated: Readonly<Record<Direction, ReadonlyMap<string, readonly string[]>>>;
}

/** Pure. Policies that are for no pod of this node are left out. */
export function compilePolicies(policies: readonly NetworkPolicy[], pods: ClusterPods, family: IpFamily): CompiledPolicies {
  const compiled: CompiledPolicy[] = [];
  const isolated = { ingress: new Map<string, string[]>(), egress: new Map<string, string[]>() };
  for (const policy of policies.toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1))) {
    const selected = pods.selected(policy.metadata?.namespace ?? '', policy.spec?.podSelector);
    const local = selected.filter(({ isLocal }) => isLocal);
    if (local.length === 0) continue;
    for (const direction of directionsOf(policy)) {
      for (const { address } of local) {
        isolated[direction].set(address, [...(isolated[direction].get(address) ?? []), keyOf(policy)]);
      }
      const rules = rulesOf(policy, direction).map((rule) => compileRule(rule, { policy, direction, pods, local, family }));
      compiled.push({ key: keyOf(policy), direction, rules });
    }
  }
  return { family, policies: compiled, isolated };
}

function keyOf({ metadata }: NetworkPolicy): string {
  return `${metadata?.namespace ?? ''}/${metadata?.name ?? ''}`;
}

/** Without `policyTypes` a policy is for what comes in, and for what goes out if it has rules for that. */
function directionsOf({ spec }: NetworkPolicy): readonly Direction[] {
  const types = spec?.policyTypes?.length ? spec.policyTypes : ['Ingress', ...(spec?.egress?.length ? ['Egress'] : [])];
  return (['ingress', 'egress'] as const).filter((direction) => types.includes(direction === 'ingress' ? 'Ingress' : 'Egress'));
}

interface Rule {
  readonly peers: readonly NetworkPolicyPeer[];
  readonly ports: readonly NetworkPolicyPort[];
}

function rulesOf({ spec }: NetworkPolicy, direction: Direction): readonly Rule[] {
  const ofIngress = ({ from = [], ports = [] }: NetworkPolicyIngressRule): Rule => ({ peers: from, ports });
  const ofEgress = ({ to = [], ports = [] }: NetworkPolicyEgressRule): Rule => ({ peers: to, ports });
  return direction === 'ingress' ? (spec?.ingress ?? []).map(ofIngress) : (spec?.egress ?? []).map(ofEgress);
}

interface RuleContext {
  readonly policy: NetworkPolicy;
  readonly direction: Direction;
  readonly pods: ClusterPods;
  /** The isolated ones. */
  readonly local: readonly PolicyPod[];
  readonly family: IpFamily;
}

function compileRule(rule: Rule, context: RuleContext): CompiledRule {
  const { policy, pods, direction, local, family } = context;
  const bySelector = rule.peers.filter(({ ipBlock }) => !ipBlock);
  const selected = bySelector.flatMap((peer) => pods.peers(policy.metadata?.namespace ?? '', peer));
  const blocks = rule.peers.flatMap(({ ipBlock }) => ipBlock ?? []);
  const peers: Peers =
    rule.peers.length === 0
      ? 'any'
      : { pods: bySelector.length > 0 ? addressesOf(selected) : undefined, ranges: rangesOf(blocks, family) };
  // A port's name is one of the pod that is connected to. Of addresses outside nobody knows names.
  const targets = direction === 'ingress' ? local : rule.peers.length === 0 ? pods.all : selected;
  return { peers, ports: portsOf(rule.ports, targets) };
}

function portsOf(ports: readonly NetworkPolicyPort[], targets: readonly PolicyPod[]): Ports {
  if (ports.length === 0) return 'any';
  const numbers = new Map<string, readonly string[] | 'any'>();
  const named = new Set<string>();
  const names = ports.filter(({ port }) => typeof port === 'string');
  for (const { port, endPort, protocol = 'TCP' } of ports) {
    const key = protocol.toLowerCase();
    const before = numbers.get(key) ?? [];
    if (port === undefined) numbers.set(key, 'any');
    else if (typeof port === 'number' && before !== 'any') {
      numbers.set(key, [...before, endPort !== undefined && endPort > port ? `${port}-${endPort}` : `${port}`]);
    }
  }
  for (const { port, protocol = 'TCP' } of names) {
    for (const { address, namedPorts } of targets) {
      const number = namedPorts.get(`${port} ${protocol}`);
      if (number !== undefined) named.add(`${address} . ${protocol.toLowerCase()} . ${number}`);
    }
  }
  return { numbers, named: names.length > 0 ? [...named].toSorted() : undefined };
}

function addressesOf(pods: readonly PolicyPod[]): readonly string[] {
  return [...new Set(pods.map(({ address }) => address))].toSorted();
}
