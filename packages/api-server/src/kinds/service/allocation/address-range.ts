import { addressOf, addressText, type IpFamily } from '@keelson/api';
import type { NumberRange } from './number-chooser.ts';

/** The API's objects of addresses that are held: one for each. */
export const ADDRESS_PREFIX = '/registry/ipaddresses/';

/** More numbers than anyone draws from: only so far do draws reach. */
const MAX_SIZE = 2 ** 47;
/** The part of a range that is left to clients that ask for an address: a sixteenth, between these bounds. */
const BAND = { min: 16, max: 256, part: 16 };

/** Addresses that Services can get: all of a network but its first one, and but the last one of IPv4. */
export interface AddressRange extends NumberRange {
  readonly cidr: string;
  readonly family: IpFamily;
  address(number: number): string;
  contains(address: string): boolean;
}

/** Of a valid CIDR. */
export function addressRange(cidr: string): AddressRange {
  const [text = '', length = '0'] = cidr.split('/');
  const { family, value } = addressOf(text);
  const hostBits = BigInt((family === 'IPv4' ? 32 : 128) - Number(length));
  const first = ((value >> hostBits) << hostBits) + 1n;
  const total = 1n << hostBits;
  const usable = total - (family === 'IPv4' ? 2n : 1n);
  const address = (number: number): string => addressText({ family, value: first + BigInt(number) });
  return {
    cidr,
    family,
    size: Math.max(0, Math.min(Number(usable), MAX_SIZE)),
    split: bandOf(Number(total)),
    prefix: ADDRESS_PREFIX,
    key: (number) => ADDRESS_PREFIX + address(number),
    address,
    contains: (other) => {
      const { family: otherFamily, value: otherValue } = addressOf(other);
      return otherFamily === family && otherValue >= first && otherValue < first + usable;
    },
  };
}

function bandOf(size: number): number {
  if (size <= BAND.min) return 0;
  return Math.min(Math.max(BAND.min, Math.floor(size / BAND.part)), BAND.max);
}
