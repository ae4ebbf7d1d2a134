import { isIP, isIPv4 } from 'node:net';
import { addressOf, type Address } from '@keelson/api';
import type { Field } from './field.ts';

/** A valid IP address; a zone is none. */
export function isIpAddress(text: string): boolean {
  return isIP(text) !== 0 && !text.includes('%');
}

/** Leading zeros are read differently by different software, and so are addresses of IPv4 that are written as IPv6. */
export function checkIp(text: string, at: Field): void {
  if (isIpAddress(text)) {
    if (isMapped(text)) at.invalid(text, 'must not be an IPv4-mapped IPv6 address');
  } else if (isIpAddress(withoutZeros(text))) {
    at.invalid(text, 'must not have leading 0s');
  } else {
    at.invalid(text, 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)');
  }
}

function isMapped(text: string): boolean {
  return text.includes(':') && addressOf(text).value >> 32n === 0xffffn;
}

function withoutZeros(text: string): string {
  return text.includes(':') ? text.replace(/\/0+(?=\d)/, '/') : text.replaceAll(/(^|[./])0+(?=\d)/g, '$1');
}

/** `192.0.2.0/24` */
export function isCidr(text: string): boolean {
  const [address = '', length = '', ...rest] = text.split('/');
  if (rest.length > 0 || !isIpAddress(address) || !/^(0|[1-9]\d{0,2})$/.test(length)) return false;
  return Number(length) <= (isIPv4(address) ? 32 : 128);
}

/** A range must be named by its first address. */
export function checkCidr(text: string, at: Field): void {
  if (!isCidr(text)) {
    const isSloppy = isCidr(withoutZeros(text));
    const valid = 'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)';
    return at.invalid(text, isSloppy ? 'must not have leading 0s in IP or prefix length' : valid);
  }
  const { start, value, freeBits } = rangeOf(text);
  if (isMapped(start)) at.invalid(text, 'must not have an IPv4-mapped IPv6 address');
  else if ((value >> freeBits) << freeBits !== value) at.invalid(text, 'must not have bits set beyond the prefix length');
}

/** Of two valid ranges: true if the first is a part of the other, and not all of it. */
export function isStrictlyWithin(part: string, whole: string): boolean {
  const [inner, outer] = [rangeOf(part), rangeOf(whole)];
  if (inner.family !== outer.family || inner.freeBits >= outer.freeBits) return false;
  return inner.value >> outer.freeBits === outer.value >> outer.freeBits;
}

function rangeOf(cidr: string): Address & { readonly start: string; readonly freeBits: bigint } {
  const [start = '', length = ''] = cidr.split('/');
  const address = addressOf(start);
  return { ...address, start, freeBits: BigInt((address.family === 'IPv4' ? 32 : 128) - Number(length)) };
}

/** An address that packets can be sent to by others: not loopback, link-local, multicast or unspecified. */
export function checkNonSpecialIp(text: string, at: Field): void {
  const ip = text.toLowerCase();
  if (ip === '0.0.0.0' || ip === '::') at.invalid(text, `may not be unspecified (${ip})`);
  if (ip.startsWith('127.') || ip === '::1') at.invalid(text, 'may not be in the loopback range (127.0.0.0/8, ::1/128)');
  if (ip.startsWith('169.254.') || /^fe[89ab]/.test(ip))
    at.invalid(text, 'may not be in the link-local range (169.254.0.0/16, fe80::/10)');
  if (ip.startsWith('224.0.0.') || ip.startsWith('ff02:'))
    at.invalid(text, 'may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)');
}
