import type { Element } from '../nftables/claims.ts';
import type { VirtualServer } from './ipvs-tool.ts';

/** A destination that gets no new connection, for as long as it has old ones. */
const DRAIN = '-m -w 0';
const SERVE = '-m -w 1';

/** What a sync finds different about IPVS, or has to find out. */
export interface ServerChanges {
  readonly removed: readonly Element[];
  readonly added: readonly Element[];
  /** Destinations that were taken out and are still there, without weight; kept up to date. */
  readonly draining: Set<string>;
}

/** The lines for `ipvsadm` that follow from what has become different. */
export function linesFor({ removed, added, draining }: ServerChanges): string[] {
  const of = (elements: readonly Element[], set: string): readonly Element[] => elements.filter((one) => one.set === set);
  const newServers = new Map(of(added, 'server').map((one) => [one.key, one.value]));
  const oldServers = new Set(of(removed, 'server').map((one) => one.key));
  const goneServers = new Set([...oldServers].filter((key) => !newServers.has(key)));
  const lines = [...newServers].map(([key, options]) => `${oldServers.has(key) ? '-E' : '-A'} ${key} ${options}`);
  for (const { key } of of(added, 'destination')) lines.push(`${draining.delete(key) ? '-e' : '-a'} ${key} ${SERVE}`);
  for (const { key } of of(removed, 'destination')) {
    // They go with their server.
    if (goneServers.has(serverOf(key))) continue;
    if (isDrained(key)) {
      draining.add(key);
      lines.push(`-e ${key} ${DRAIN}`);
    } else {
      lines.push(`-d ${key}`);
    }
  }
  for (const key of goneServers) {
    for (const one of draining) if (serverOf(one) === key) draining.delete(one);
    lines.push(`-D ${key}`);
  }
  return lines;
}

export interface Comparison {
  readonly desired: Iterable<Element>;
  readonly actual: ReadonlyMap<string, VirtualServer>;
  /** Whether a virtual server that is not desired is one of ours. */
  isOurs(key: string): boolean;
}

/** The lines that make IPVS as desired, whatever it is, and the destinations that still have connections afterwards. */
export function repairLines({ desired, actual, isOurs }: Comparison): {
  readonly lines: string[];
  readonly draining: Set<string>;
} {
  const lines: string[] = [];
  const wanted = new Map<string, Set<string>>();
  const destinations: string[] = [];
  for (const { set, key, value } of desired) {
    if (set === 'destination') destinations.push(key);
    if (set !== 'server') continue;
    wanted.set(key, new Set());
    const have = actual.get(key);
    if (!have) lines.push(`-A ${key} ${value}`);
    else if (have.options !== value) lines.push(`-E ${key} ${value}`);
  }
  for (const key of destinations) {
    const [server, address] = [serverOf(key), key.slice(key.lastIndexOf(' ') + 1)];
    wanted.get(server)?.add(address);
    const have = actual.get(server)?.destinations.get(address);
    if (!have) lines.push(`-a ${key} ${SERVE}`);
    else if (have.weight !== 1) lines.push(`-e ${key} ${SERVE}`);
  }
  const draining = new Set<string>();
  for (const [key, server] of actual) {
    const addresses = wanted.get(key);
    if (addresses) lines.push(...surplus(server, addresses, draining));
    else if (isOurs(key)) lines.push(`-D ${key}`);
  }
  return { lines, draining };
}

function surplus(server: VirtualServer, wanted: ReadonlySet<string>, draining: Set<string>): string[] {
  return [...server.destinations].flatMap(([address, { weight, connections }]) => {
    const key = `${server.key} -r ${address}`;
    if (wanted.has(address)) return [];
    if (connections === 0 || !isDrained(key)) return [`-d ${key}`];
    draining.add(key);
    return weight === 0 ? [] : [`-e ${key} ${DRAIN}`];
  });
}

function serverOf(destination: string): string {
  return destination.slice(0, destination.indexOf(' -r '));
}

/** UDP knows no end of a connection: a client that keeps its port would never get away. */
function isDrained(destination: string): boolean {
  return !destination.startsWith('-u ');
}
