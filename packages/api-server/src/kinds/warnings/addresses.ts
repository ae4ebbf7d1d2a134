import { addressOf, addressText } from '@keelson/api';
import type { Field } from '../../validation/field.ts';
import { isCidr, isIpAddress } from '../../validation/ip.ts';

/** Of an address of IPv6 that is not written in the canonical way. */
export function ipWarnings(text: string, at: Field): readonly string[] {
  if (!text.includes(':') || !isIpAddress(text)) return [];
  const canonical = addressText(addressOf(text));
  return canonical === text ? [] : [`${at}: IPv6 address "${text}" should be in RFC 5952 canonical format ("${canonical}")`];
}

/** Of a range that is not named by its first address, or not written in the canonical way. */
export function cidrWarnings(text: string, at: Field): readonly string[] {
  if (!isCidr(text)) return [];
  const [start = '', length = ''] = text.split('/');
  const { family, value } = addressOf(start);
  const bits = family === 'IPv4' ? 32 : 128;
  const freeBits = BigInt(bits - Number(length));
  const range = `${addressText({ family, value: (value >> freeBits) << freeBits })}/${length}`;
  const address = addressText({ family, value });
  if (range !== `${address}/${length}`)
    return [`${at}: CIDR value "${text}" is ambiguous in this context (should be "${range}" or "${address}/${bits}"?)`];
  return range === text ? [] : [`${at}: IPv6 CIDR value "${text}" should be in RFC 5952 canonical format ("${range}")`];
}
