import { describe, expect, it } from 'vitest';
import {
  isConfigMapKey,
  isDns1035Label,
  isDnsLabel,
  isDnsSubdomain,
  isEnvVarName,
  isIPv6,
  isPathSegmentName,
  isQualifiedName,
  isValidCIDR,
  isValidIP,
  isValidLabelValue,
  isValidPortName,
} from '../index.ts';

describe('names', () => {
  it('words a wrong DNS label as Kubernetes does', () => {
    expect(isDnsLabel('Bad_Name')).toEqual([
      "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
    ]);
  });

  it.each([
    [isDnsLabel, 'a'.repeat(63), 'a'.repeat(64)],
    [isDnsLabel, '1a', 'a.b'],
    [isDnsLabel, 'a-b', 'a-\n'],
    [isDnsSubdomain, 'a.b-c', 'a..b'],
    [isDnsSubdomain, 'a'.repeat(253), 'a'.repeat(254)],
    [isDns1035Label, 'a1', '1a'],
    [isQualifiedName, 'example.com/My_Name.x', 'a/b/c'],
    [isQualifiedName, 'a', '/a'],
    [isQualifiedName, 'example.com/a', 'example.com/'],
    [isValidLabelValue, '', '-'],
    [isValidLabelValue, 'A.b_c', 'é'],
    [isPathSegmentName, 'system:node', 'a/b'],
    [isPathSegmentName, '...', '..'],
    [isEnvVarName, '1 a-b.c', 'a=b'],
    [isConfigMapKey, '.hidden', '..hidden'],
    [isValidPortName, 'http-2', '80'],
    [isValidPortName, 'p'.repeat(15), 'p'.repeat(16)],
    [isValidPortName, 'a-b', 'a--b'],
    [isValidIP, '10.0.0.1', '10.0.0.01'],
    [isValidIP, '::', '1.2.3'],
    [isValidIP, '::ffff:1.2.3.4', '::ffff:1.2.3.256'],
    [isValidCIDR, '10.0.0.0/8', '10.0.0.0/33'],
    [isValidCIDR, 'fd00::/128', 'fd00::'],
  ])('%o takes %s and refuses %s', (check, good, bad) => {
    expect(check(good)).toEqual([]);
    expect(check(bad).length).toBeGreaterThan(0);
  });

  it.each(['1:2:3:4:5:6:7:8', '1::8', '::1', '1::', 'fe80::1:2', '1:2:3:4:5:6:1.2.3.4'])('knows the IPv6 address %s', (text) => {
    expect(isIPv6(text)).toBe(true);
  });

  it.each([
    '',
    ':',
    '1:2:3',
    '1::2::3',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4::5:6:7:8',
    'g::',
    '12345::',
    ':1::',
    'fe80::1%eth0',
    '1.2.3.4::',
  ])('refuses "%s" as an IPv6 address', (text) => {
    expect(isIPv6(text)).toBe(false);
  });
});
