const IPV4_PART = /^(0|[1-9]\d{0,2})$/;
const IPV6_GROUP = /^[0-9a-fA-F]{1,4}$/;

/** Dotted decimal, four parts, no leading zeros. */
export function isIPv4(text: string): boolean {
  const parts = text.split('.');
  return parts.length === 4 && parts.every((part) => IPV4_PART.test(part) && Number(part) <= 255);
}

/** Eight groups of hex digits, at most one `::`, possibly an IPv4 address at the end; no zone. */
export function isIPv6(text: string): boolean {
  const halves = text.split('::');
  if (halves.length > 2) return false;
  const groups = halves.map((half) => (half === '' ? [] : half.split(':')));
  const last = groups.at(-1)?.at(-1) ?? '';
  const endsInIPv4 = last.includes('.');
  if (endsInIPv4 && !isIPv4(last)) return false;
  const hexGroups = groups.flat().slice(0, endsInIPv4 ? -1 : undefined);
  const count = hexGroups.length + (endsInIPv4 ? 2 : 0);
  return hexGroups.every((group) => IPV6_GROUP.test(group)) && (halves.length === 2 ? count < 8 : count === 8);
}

/** Upstream's messages; none for a valid address of either family. */
export function isValidIP(text: string): readonly string[] {
  return isIPv4(text) || isIPv6(text) ? [] : ['must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'];
}

/** `10.9.8.0/24` or `2001:db8::/64`. */
export function isValidCIDR(text: string): readonly string[] {
  const [, address = '', bits = ''] = /^(.+)\/(0|[1-9]\d{0,2})$/.exec(text) ?? [];
  const max = isIPv4(address) ? 32 : isIPv6(address) ? 128 : -1;
  return bits !== '' && Number(bits) <= max ? [] : ['must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)'];
}
