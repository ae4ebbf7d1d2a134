import { readFile } from 'node:fs/promises';
import type { Pod } from '@keelson/api/core/v1';
import type { SandboxConfig } from '@keelson/runtime';

export type DnsConfig = SandboxConfig['dns'];

export interface DnsContext {
  readonly clusterDns: readonly string[];
  readonly clusterDomain: string;
  /** What the node itself uses, as far as pods can use it too. */
  readonly nodeDns: DnsConfig;
}

/** What resolvers of the C library read of it. */
const MOST_SERVERS = 3;
const MOST_SEARCHES = 32;
const MOST_SEARCH_CHARACTERS = 2_048;
const RESOLV_CONF = '/etc/resolv.conf';
/** Where systemd-resolved keeps the real servers, while `/etc/resolv.conf` names itself on loopback. */
const BEHIND_RESOLVED = '/run/systemd/resolve/resolv.conf';
const NOTHING: DnsConfig = { servers: [], searches: [], options: [] };

/** Pure: what a pod's `resolv.conf` says. Empty servers leave it to the runtime. */
export function podDns(pod: Pod, context: DnsContext): DnsConfig {
  const { dnsConfig } = pod.spec ?? {};
  const base = baseOf(pod, context);
  const options = (dnsConfig?.options ?? []).map(({ name = '', value }) => (value === undefined ? name : `${name}:${value}`));
  return {
    servers: unique([...base.servers, ...(dnsConfig?.nameservers ?? [])]).slice(0, MOST_SERVERS),
    searches: withinLimits(unique([...base.searches, ...(dnsConfig?.searches ?? [])])),
    options: merged(base.options, options),
  };
}

/** Pure: what a pod does not get of what it asks for, as reasons and messages of events. */
export function dnsWarnings(pod: Pod, context: DnsContext): (readonly [reason: string, message: string])[] {
  const { dnsConfig, dnsPolicy = 'ClusterFirst' } = pod.spec ?? {};
  const base = baseOf(pod, context);
  const { searches, servers } = podDns(pod, context);
  const left = (what: string, line: string, applied: readonly string[]) =>
    ['DNSConfigForming', `${what} have been omitted, the applied ${line} line is: ${applied.join(' ')}`] as const;
  const warnings: (readonly [string, string])[] = [];
  if (wantsCluster(pod) && context.clusterDns.length === 0) warnings.push(['MissingClusterDNS', missing(pod, dnsPolicy)]);
  if (unique([...base.servers, ...(dnsConfig?.nameservers ?? [])]).length > servers.length)
    warnings.push(left('Nameserver limits were exceeded, some nameservers', 'nameserver', servers));
  if (unique([...base.searches, ...(dnsConfig?.searches ?? [])]).length > searches.length)
    warnings.push(left('Search Line limits were exceeded, some search paths', 'search', searches));
  return warnings;
}

function missing({ metadata }: Pod, policy: string): string {
  const which = `pod: "${metadata?.name}_${metadata?.namespace}(${metadata?.uid})"`;
  const why = `kubelet does not have ClusterDNS IP configured and cannot create Pod using "${policy}" policy`;
  return `${which}. ${why}. Falling back to "Default" policy.`;
}

function wantsCluster({ spec }: Pod): boolean {
  const { dnsPolicy = 'ClusterFirst', hostNetwork } = spec ?? {};
  return dnsPolicy === 'ClusterFirstWithHostNet' || (dnsPolicy === 'ClusterFirst' && !hostNetwork);
}

/** What `dnsPolicy` asks for. */
function baseOf(pod: Pod, { clusterDns, clusterDomain, nodeDns }: DnsContext): DnsConfig {
  if (pod.spec?.dnsPolicy === 'None') return NOTHING;
  if (!wantsCluster(pod) || clusterDns.length === 0) return nodeDns;
  const own = [`${pod.metadata?.namespace ?? ''}.svc.${clusterDomain}`, `svc.${clusterDomain}`, clusterDomain];
  return { servers: clusterDns, searches: [...own, ...nodeDns.searches], options: ['ndots:5'] };
}

/** An option takes the place of one of the same name. */
function merged(options: readonly string[], others: readonly string[]): readonly string[] {
  const byName = new Map([...options, ...others].map((option) => [option.split(':', 1)[0], option]));
  return [...byName.values()];
}

function withinLimits(searches: readonly string[]): readonly string[] {
  let characters = 0;
  return searches.slice(0, MOST_SEARCHES).filter((search) => {
    characters += search.length + 1;
    return characters - 1 <= MOST_SEARCH_CHARACTERS;
  });
}

function unique(items: readonly string[]): string[] {
  return [...new Set(items)];
}

/** What the node's `resolv.conf` says, without servers that are on loopback: in a pod that is another one. Never rejects. */
export async function readNodeDns(paths: readonly string[] = [RESOLV_CONF, BEHIND_RESOLVED]): Promise<DnsConfig> {
  let found = NOTHING;
  for (const path of paths) {
    const text = await readFile(path, 'utf8').catch(() => '');
    found = parseResolvConf(text);
    if (found.servers.length > 0) return found;
  }
  return found;
}

function parseResolvConf(text: string): DnsConfig {
  const servers: string[] = [];
  let searches: readonly string[] = [];
  let options: readonly string[] = [];
  for (const line of text.split('\n')) {
    const [keyword = '', ...values] = line
      .replace(/[#;].*$/, '')
      .trim()
      .split(/\s+/);
    if (keyword === 'nameserver' && values[0] !== undefined && !isLoopback(values[0])) servers.push(values[0]);
    // Of several lines the last one counts; `.` would make every name one of the root.
    if (keyword === 'search') searches = values.filter((value) => value !== '.').map((value) => value.replace(/\.$/, ''));
    if (keyword === 'options') options = [...options, ...values];
  }
  return { servers, searches, options };
}

function isLoopback(address: string): boolean {
  return address.startsWith('127.') || address === '::1' || address.includes('%');
}
