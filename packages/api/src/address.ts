export type IpFamily = 'IPv4' | 'IPv6';

/** An IP address as a number, so that ranges can be counted through. */
export interface Address {
  readonly family: IpFamily;
  readonly value: bigint;
}

/** Of a valid address. */
export function addressOf(text: string): Address {
  return familyOf(text) === 'IPv4' ? { family: 'IPv4', value: ipv4Value(text) } : { family: 'IPv6', value: ipv6Value(text) };
}

export function familyOf(text: string): IpFamily {
  return text.includes(':') ? 'IPv6' : 'IPv4';
}

/** In the form in which Kubernetes names addresses: RFC 5952 for IPv6. */
export function addressText({ family, value }: Address): string {
  return family === 'IPv4' ? ipv4Text(value) : ipv6Text(value);
}

function ipv4Value(text: string): bigint {
  return text.split('.').reduce((sum, part) => sum * 256n + BigInt(part), 0n);
}

function ipv4Text(value: bigint): string {
  return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 255n).join('.');
}

function ipv6Value(text: string): bigint {
  const [head = '', tail] = text.split('::');
  const first = groupsOf(head);
  const last = tail === undefined ? [] : groupsOf(tail);
  const gap = Array.from({ length: 8 - first.length - last.length }, () => 0n);
  return [...first, ...gap, ...last].reduce((sum, group) => sum * 65_536n + group, 0n);
}

function groupsOf(text: string): bigint[] {
  if (text === '') return [];
  return text.split(':').flatMap((group) => {
    if (!group.includes('.')) return [BigInt(`0x${group}`)];
    const embedded = ipv4Value(group);
    return [embedded >> 16n, embedded & 65_535n];
  });
}

/** The longest run of at least two zero groups becomes `::`, the first one of several. */
function ipv6Text(value: bigint): string {
  const groups = Array.from({ length: 8 }, (_, position) => (value >> BigInt(112 - 16 * position)) & 65_535n);
  const text = groups.map((group) => group.toString(16)).join(':');
  const runs = [...text.matchAll(/(?:^|:)0(?::0)+(?=:|$)/g)].map(([run]) => run);
  const longest = runs.reduce((best, run) => (zeros(run) > zeros(best) ? run : best), '');
  if (longest === '') return text;
  const at = text.indexOf(longest);
  const [before, after] = [text.slice(0, at), text.slice(at + longest.length)];
  return `${before}::${after.replace(/^:/, '')}`;
}

function zeros(run: string): number {
  return run.split(':').filter((group) => group === '0').length;
}
