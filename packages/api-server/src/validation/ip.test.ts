import { describe, expect, it } from 'vitest';
import { Field } from './field.ts';
import { checkCidr, checkIp, isStrictlyWithin } from './ip.ts';

const problems = (check: typeof checkIp, text: string): string[] =>
  Field.collect((at) => check(text, at.child('a'))).map(({ message = '' }) => message.slice(`Invalid value: "${text}": `.length));

describe('checkIp', () => {
  it.each(['10.0.0.1', '2001:db8::1', '2001:0db8::0001'])('takes %s', (text) => {
    expect(problems(checkIp, text)).toEqual([]);
  });

  it.each([
    ['010.0.0.1', 'must not have leading 0s'],
    ['::ffff:10.0.0.1', 'must not be an IPv4-mapped IPv6 address'],
    ['10.0.0', 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'],
    ['0300.0.0.1', 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'],
    ['fe80::1%eth0', 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'],
  ])('refuses %s: %s', (text, why) => {
    expect(problems(checkIp, text)).toEqual([why]);
  });
});

describe('checkCidr', () => {
  it.each(['10.0.0.0/8', '10.0.0.1/32', '0.0.0.0/0', '2001:db8::/32', '::/0'])('takes %s', (text) => {
    expect(problems(checkCidr, text)).toEqual([]);
  });

  it.each([
    ['010.0.0.0/8', 'must not have leading 0s in IP or prefix length'],
    ['10.0.0.0/08', 'must not have leading 0s in IP or prefix length'],
    ['2001:db8::/032', 'must not have leading 0s in IP or prefix length'],
    ['::ffff:10.0.0.0/104', 'must not have an IPv4-mapped IPv6 address'],
    ['10.0.0.1/8', 'must not have bits set beyond the prefix length'],
    ['2001:db8::1/32', 'must not have bits set beyond the prefix length'],
    ['10.0.0.0/33', 'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)'],
    ['10.0.0.0', 'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)'],
  ])('refuses %s: %s', (text, why) => {
    expect(problems(checkCidr, text)).toEqual([why]);
  });
});

it.each([
  ['10.1.0.0/16', '10.0.0.0/8', true],
  ['10.0.0.0/8', '10.0.0.0/8', false],
  ['10.0.0.0/7', '10.0.0.0/8', false],
  ['11.0.0.0/16', '10.0.0.0/8', false],
  ['0.0.0.0/1', '::/0', false],
  ['2001:db8::/32', '::/0', true],
])('%s is strictly within %s: %s', (part, whole, expected) => {
  expect(isStrictlyWithin(part, whole)).toBe(expected);
});
