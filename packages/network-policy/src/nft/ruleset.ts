import { createHash } from 'node:crypto';
import type { CompiledPolicies, CompiledPolicy, CompiledRule, Direction } from '../model/compile-policies.ts';

export interface Chain {
  /** `type filter hook ...` of a chain that packets come to by themselves. */
  readonly hook?: string;
  readonly rules: readonly string[];
}

export interface NamedSet {
  /** `set` or `map`, and what is between its braces. */
  readonly kind: 'set' | 'map';
  readonly type: string;
  /** Elements to their values; empty values in sets. */
  readonly elements: ReadonlyMap<string, string>;
}

/** What a table of ours holds. */
export interface Ruleset {
  readonly chains: ReadonlyMap<string, Chain>;
  readonly sets: ReadonlyMap<string, NamedSet>;
}

/** `nft` takes 128 characters in all. */
const LONGEST_COMMENT = 100;

interface Draft {
  readonly chains: Map<string, Chain>;
  readonly sets: Map<string, NamedSet>;
}

interface FamilyWords {
  readonly digit: '4' | '6';
  readonly ip: 'ip' | 'ip6';
  readonly type: 'ipv4_addr' | 'ipv6_addr';
}

const WORDS = {
  IPv4: { digit: '4', ip: 'ip', type: 'ipv4_addr' },
  IPv6: { digit: '6', ip: 'ip6', type: 'ipv6_addr' },
} as const;

/**
 * Two chains on the way through the node, one after the other, since both ends have a say: what the first accepts, the second is still asked
 * about. Each sends packets of isolated pods to a chain for the policies of that pod, which is shared by all pods with the same ones. What
 * no policy accepts is dropped there.
 *
 * The chains on packets that the node sends are for those that it sends on behalf of pods, as IPVS does; its own are always let through.
 */
export function rulesetOf(families: readonly CompiledPolicies[]): Ruleset {
  const draft: Draft = { chains: new Map(), sets: new Map() };
  const words = families.map(({ family }) => WORDS[family]);
  for (const direction of ['egress', 'ingress'] as const) {
    for (const hook of ['forward', 'output'] as const) {
      const priority = direction === 'egress' ? -2 : -1;
      const rules = baseRules(direction, hook, words);
      draft.chains.set(hook === 'forward' ? direction : `${direction}-of-node`, {
        hook: `type filter hook ${hook} priority ${priority}; policy accept;`,
        rules,
      });
    }
  }
  for (const compiled of families) addFamily(draft, compiled);
  return draft;
}

/** Whether there is anything to enforce. */
export function isIdle(families: readonly CompiledPolicies[]): boolean {
  return families.every(({ isolated }) => isolated.ingress.size === 0 && isolated.egress.size === 0);
}

function baseRules(direction: Direction, hook: 'forward' | 'output', words: readonly FamilyWords[]): readonly string[] {
  const side = direction === 'egress' ? 'saddr' : 'daddr';
  return [
    'ct state established,related accept',
    ...(hook === 'output' ? ['fib saddr type local accept'] : []),
    // Neighbours have to find each other.
    'icmpv6 type { nd-router-solicit, nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert } accept',
    ...words.flatMap(({ digit, ip }) => [
      `${ip} saddr . ${ip} daddr @themselves-${digit} accept`,
      `${ip} ${side} vmap @${direction}-${digit}`,
    ]),
  ];
}

function addFamily(draft: Draft, compiled: CompiledPolicies): void {
  const words = WORDS[compiled.family];
  const { digit, type } = words;
  for (const policy of compiled.policies) addPolicy(draft, policy, words);
  for (const direction of ['ingress', 'egress'] as const) {
    const elements = new Map<string, string>();
    for (const [address, keys] of compiled.isolated[direction]) {
      const chain = shortName(`${direction}-pods`, keys.join(' '));
      const rules = [...keys.map((key) => `jump ${policyChain(direction, key)}`), 'drop'];
      draft.chains.set(chain, { rules });
      elements.set(address, `jump ${chain}`);
    }
    draft.sets.set(`${direction}-${digit}`, { kind: 'map', type: `${type} : verdict`, elements });
  }
  // A pod that comes back to itself by a Service.
  const isolated = new Set([...compiled.isolated.ingress.keys(), ...compiled.isolated.egress.keys()]);
  const themselves = new Map([...isolated].map((address) => [`${address} . ${address}`, '']));
  draft.sets.set(`themselves-${digit}`, { kind: 'set', type: `${type} . ${type}`, elements: themselves });
}

function addPolicy(draft: Draft, { key, direction, rules }: CompiledPolicy, words: FamilyWords): void {
  const chain = policyChain(direction, key);
  const statements = rules.flatMap((rule, index) => {
    const name = `${chain}-${index}`;
    const comment = `comment "${key.slice(0, LONGEST_COMMENT)} ${direction} ${index}"`;
    return ruleStatements(draft, rule, { name, direction, words }).map((match) => `${match}accept ${comment}`);
  });
  // Statements that are about no address are the same for both families.
  const before = draft.chains.get(chain)?.rules ?? [];
  draft.chains.set(chain, { rules: [...new Set([...before, ...statements])] });
}

interface RuleNames {
  readonly name: string;
  readonly direction: Direction;
  readonly words: FamilyWords;
}

/** Each way to match a rule, with a space at the end; none if nothing can. */
function ruleStatements(draft: Draft, rule: CompiledRule, names: RuleNames): readonly string[] {
  const peers = peerMatches(draft, rule, names);
  const ports = portMatches(draft, rule, names);
  return peers.flatMap((peer) => ports.map((port) => `${peer}${port}`));
}

function peerMatches(draft: Draft, { peers }: CompiledRule, { name, direction, words }: RuleNames): readonly string[] {
  if (peers === 'any') return [''];
  const { ip, digit, type } = words;
  const field = `${ip} ${direction === 'ingress' ? 'saddr' : 'daddr'}`;
  const matches: string[] = [];
  if (peers.pods) {
    const set = `${name}-pods-${digit}`;
    draft.sets.set(set, { kind: 'set', type, elements: new Map(peers.pods.map((address) => [address, ''])) });
    matches.push(`${field} @${set} `);
  }
  if (peers.ranges.length > 0) matches.push(`${field} { ${peers.ranges.join(', ')} } `);
  return matches;
}

function portMatches(draft: Draft, { ports }: CompiledRule, { name, words }: RuleNames): readonly string[] {
  if (ports === 'any') return [''];
  const { ip, digit, type } = words;
  const matches = [...ports.numbers].map(([protocol, numbers]) =>
    numbers === 'any' ? `meta l4proto ${protocol} ` : `${protocol} dport { ${mergedPorts(numbers).join(', ')} } `,
  );
  if (ports.named) {
    const set = `${name}-ports-${digit}`;
    const elements = new Map(ports.named.map((element) => [element, '']));
    draft.sets.set(set, { kind: 'set', type: `${type} . inet_proto . inet_service`, elements });
    matches.push(`${ip} daddr . meta l4proto . th dport @${set} `);
  }
  return matches;
}

/** Sets take no ranges that overlap. */
function mergedPorts(ports: readonly string[]): readonly string[] {
  const ranges = ports.map((text) => text.split('-').map(Number)).map(([first = 0, last = first]) => ({ first, last }));
  const merged: { first: number; last: number }[] = [];
  for (const range of ranges.toSorted((a, b) => a.first - b.first)) {
    const before = merged.at(-1);
    if (before && range.first <= before.last + 1) before.last = Math.max(before.last, range.last);
    else merged.push({ ...range });
  }
  return merged.map(({ first, last }) => (first === last ? `${first}` : `${first}-${last}`));
}

function policyChain(direction: Direction, key: string): string {
  return shortName(direction, key);
}

/** Names have a limit, keys have none that is below it. */
function shortName(prefix: string, text: string): string {
  return `${prefix}-${createHash('sha256').update(text).digest('hex').slice(0, 12)}`;
}
