/** The two tables that rules are put in. */
export type Table = 'filter' | 'nat';
export const TABLES: readonly Table[] = ['filter', 'nat'];

/**
 * The chains of one table with their rules. A rule is what follows `-A CHAIN `, in the very words of `iptables-save`: so what is there can
 * be compared with what should be there.
 */
export type Chains = ReadonlyMap<string, readonly string[]>;

export interface Jump {
  /** A chain of the kernel's. */
  readonly from: string;
  readonly rule: string;
}

/** What a table should hold of ours. */
export interface TableRules {
  readonly chains: Chains;
  /** Rules at the head of the kernel's chains, which lead to ours. */
  readonly jumps: readonly Jump[];
}

export type RuleSet = Readonly<Record<Table, TableRules>>;

/** The fixed chains. Of these, the order of rules matters only in the ones that are not in `UNORDERED`. */
export const FIXED_CHAINS: Readonly<Record<Table, readonly string[]>> = {
  filter: ['KUBE-SERVICES', 'KUBE-EXTERNAL-SERVICES', 'KUBE-NODEPORTS', 'KUBE-PROXY-FIREWALL', 'KUBE-FORWARD', 'KUBE-FIREWALL'],
  nat: ['KUBE-SERVICES', 'KUBE-NODEPORTS', 'KUBE-POSTROUTING', 'KUBE-MARK-MASQ'],
};

/** Long chains whose rules exclude each other, so that one can be added at the head and any be taken out. */
export const UNORDERED: ReadonlySet<string> = new Set([
  'KUBE-SERVICES',
  'KUBE-NODEPORTS',
  'KUBE-EXTERNAL-SERVICES',
  'KUBE-PROXY-FIREWALL',
]);

/** A rule that has to stay behind all others, at the end of an unordered chain. */
export const LAST_RULE_MARK = 'NOTE: this must be the last rule in this chain';
