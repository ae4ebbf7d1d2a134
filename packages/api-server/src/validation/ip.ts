import { isIP, isIPv4 } from 'node:net';
import type { Field } from './field.ts';

/** Leading zeros are read differently by different software; Kubernetes refuses them in new values. */
const LEADING_ZERO = /(^|\.)0\d/;

/** A valid IP address; a zone is none. */
export function isIpAddress(text: string): boolean {
  return isIP(text) !== 0 && !text.includes('%');
}

export function checkIp(text: string, at: Field): void {
  if (!isIpAddress(text)) at.invalid(text, 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)');
  else if (isIPv4(text) && LEADING_ZERO.test(text)) at.invalid(text, 'must not have leading 0s');
}

/** `192.0.2.0/24` */
export function isCidr(text: string): boolean {
  const [address = '', length = '', ...rest] = text.split('/');
  if (rest.length > 0 || !isIpAddress(address) || !/^(0|[1-9]\d{0,2})$/.test(length)) return false;
  return Number(length) <= (isIPv4(address) ? 32 : 128);
}

export function checkCidr(text: string, at: Field): void {
  if (!isCidr(text)) at.invalid(text, 'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)');
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
