import { isIPv6 } from 'node:net';
import { describe, expect, it } from 'vitest';
import fc from 'fast-check';
import { addressOf, addressText } from './address.ts';

describe('addresses', () => {
  it.each([
    ['10.96.0.1', '10.96.0.1'],
    ['0.0.0.0', '0.0.0.0'],
    ['2001:DB8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['::', '::'],
    ['::1', '::1'],
    ['fd00::', 'fd00::'],
    ['64:ff9b::192.0.2.33', '64:ff9b::c000:221'],
    ['1:0:0:2:0:0:0:3', '1:0:0:2::3'],
  ])('%s is named %s', (text, name) => {
    expect(addressText(addressOf(text))).toBe(name);
  });

  it('of any value are valid and read back as that value', () => {
    const values = fc.array(fc.oneof(fc.constant(0n), fc.bigInt(0n, 65_535n)), { minLength: 8, maxLength: 8 });

    fc.assert(
      fc.property(values, (groups) => {
        const value = groups.reduce((sum, group) => sum * 65_536n + group, 0n);
        const text = addressText({ family: 'IPv6', value });
        return isIPv6(text) && addressOf(text).value === value;
      }),
    );
  });
});
