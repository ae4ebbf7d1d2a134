import { opaque } from '../types/cel-type.ts';
import { EvaluationFailure } from '../values/failure.ts';
import type { CelOpaque } from '../values/value.ts';
import { formatIp, maskIp, parseIp, type IpAddress } from './ip-address.ts';
import { overload, type Overload } from './overload.ts';

const IP = opaque('net.IP');
const CIDR = opaque('net.CIDR');

class IpValue implements CelOpaque {
  readonly kind = 'opaque';
  readonly type = IP;
  readonly address: IpAddress;

  constructor(address: IpAddress) {
    this.address = address;
  }

  get size(): number {
    return this.address.family === 4 ? 4 : 16;
  }

  equals(other: CelOpaque): boolean {
    return other instanceof IpValue && sameAddress(this.address, other.address);
  }
}

class CidrValue implements CelOpaque {
  readonly kind = 'opaque';
  readonly type = CIDR;
  readonly address: IpAddress;
  readonly length: number;

  constructor(address: IpAddress, length: number) {
    this.address = address;
    this.length = length;
  }

  get size(): number {
    return Math.ceil(this.length / 8);
  }

  equals(other: CelOpaque): boolean {
    return other instanceof CidrValue && this.length === other.length && sameAddress(this.address, other.address);
  }

  contains(address: IpAddress): boolean {
    return sameAddress(maskIp(this.address, this.length), maskIp(address, this.length)) && this.address.family === address.family;
  }
}

function sameAddress(one: IpAddress, other: IpAddress): boolean {
  return one.family === other.family && one.bits === other.bits;
}

/** Kubernetes' IP addresses and CIDR blocks. */
export function addressFunctions(): Overload[] {
  return [...ipFunctions(), ...cidrFunctions()];
}

function ipFunctions(): Overload[] {
  const is = (id: string, name: string, test: (address: IpAddress) => boolean) =>
    overload(id, `net.IP.${name}() bool`, ({ address }: IpValue) => test(address));
  return [
    overload('string_to_ip', 'ip(string) net.IP', (text: string) => new IpValue(ipOf(text))),
    overload('is_ip', 'isIP(string) bool', (text: string) => parseIp(text) !== undefined),
    overload('ip_is_canonical', 'isCanonical(string) bool', (text: string) => formatIp(ipOf(text)) === text, 'ip.isCanonical'),
    overload('ip_to_string', 'string(net.IP) string', ({ address }: IpValue) => formatIp(address)),
    overload('ip_family', 'net.IP.family() int', ({ address }: IpValue) => BigInt(address.family)),
    is('ip_is_unspecified', 'isUnspecified', ({ bits }) => bits === 0n),
    is('ip_is_loopback', 'isLoopback', (address) => inBlock(address, '127.0.0.0/8', '::1/128')),
    is('ip_is_link_local_multicast', 'isLinkLocalMulticast', (address) => inBlock(address, '224.0.0.0/24', 'ff02::/16')),
    is('ip_is_link_local_unicast', 'isLinkLocalUnicast', (address) => inBlock(address, '169.254.0.0/16', 'fe80::/10')),
    is('ip_is_global_unicast', 'isGlobalUnicast', isGlobalUnicast),
  ];
}

function inBlock(address: IpAddress, four: string, six: string): boolean {
  return cidrOf(address.family === 4 ? four : six).contains(address);
}

function isGlobalUnicast(address: IpAddress): boolean {
  const special =
    address.bits === 0n ||
    inBlock(address, '127.0.0.0/8', '::1/128') ||
    inBlock(address, '224.0.0.0/4', 'ff00::/8') ||
    inBlock(address, '169.254.0.0/16', 'fe80::/10');
  return !special && !(address.family === 4 && address.bits === 0xffffffffn);
}

function cidrFunctions(): Overload[] {
  return [
    overload('string_to_cidr', 'cidr(string) net.CIDR', cidrOf),
    overload('is_cidr', 'isCIDR(string) bool', (text: string) => parseCidr(text) !== undefined),
    overload('cidr_to_string', 'string(net.CIDR) string', ({ address, length }: CidrValue) => `${formatIp(address)}/${length}`),
    overload('cidr_contains_ip_string', 'net.CIDR.containsIP(string) bool', (block: CidrValue, text: string) =>
      block.contains(ipOf(text)),
    ),
    overload('cidr_contains_ip_ip', 'net.CIDR.containsIP(net.IP) bool', (block: CidrValue, { address }: IpValue) =>
      block.contains(address),
    ),
    overload('cidr_contains_cidr_string', 'net.CIDR.containsCIDR(string) bool', (block: CidrValue, text: string) =>
      containsBlock(block, cidrOf(text)),
    ),
    overload('cidr_contains_cidr', 'net.CIDR.containsCIDR(net.CIDR) bool', containsBlock),
    overload('cidr_ip', 'net.CIDR.ip() net.IP', ({ address }: CidrValue) => new IpValue(address)),
    overload(
      'cidr_masked',
      'net.CIDR.masked() net.CIDR',
      ({ address, length }: CidrValue) => new CidrValue(maskIp(address, length), length),
    ),
    overload('cidr_prefix_length', 'net.CIDR.prefixLength() int', ({ length }: CidrValue) => BigInt(length)),
  ];
}

function containsBlock(block: CidrValue, other: CidrValue): boolean {
  return other.length >= block.length && block.contains(other.address);
}

function ipOf(text: string): IpAddress {
  const address = parseIp(text);
  if (!address)
    throw new EvaluationFailure(`IP Address ${JSON.stringify(text)} parse error during conversion from string: invalid address`);
  return address;
}

function cidrOf(text: string): CidrValue {
  const block = parseCidr(text);
  if (!block) throw new EvaluationFailure(`network address parse error during conversion from string: ${JSON.stringify(text)}`);
  return block;
}

function parseCidr(text: string): CidrValue | undefined {
  const [ip = '', length = '', ...more] = text.split('/');
  const address = parseIp(ip);
  if (!address || more.length > 0 || !/^(?:0|[1-9]\d{0,2})$/.test(length)) return undefined;
  return Number(length) <= (address.family === 4 ? 32 : 128) ? new CidrValue(address, Number(length)) : undefined;
}
