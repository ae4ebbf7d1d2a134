import { familyOf, isValidCIDR } from '@keelson/api';
import { InvalidArgumentError } from 'commander';
import { RUNTIMES, type RuntimeName, type StoreChoice } from './options.ts';

/** A whole number, 0 or more. */
export function whole(text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It has to be a whole number, 0 or more.');
}

/** Where objects are stored. */
export function storeChoice(text: string): StoreChoice {
  if (text === 'lmdb' || text === 'memory') return text;
  if (isEtcd(text)) return text;
  throw new InvalidArgumentError('It has to be lmdb, memory or etcd://HOST:PORT.');
}

function isEtcd(text: string): text is `etcd://${string}` {
  return text.startsWith('etcd://');
}

/** A port; 0 is one too. */
export function port(text: string): number {
  if (/^\d{1,5}$/.test(text) && Number(text) <= 65_535) return Number(text);
  throw new InvalidArgumentError('It has to be a number from 0 to 65535.');
}

/** The widest and the narrowest range that will do. */
export interface Bounds {
  readonly IPv4: readonly [number, number];
  readonly IPv6: readonly [number, number];
}

export const POD_BITS: Bounds = { IPv4: [8, 24], IPv6: [48, 64] };
export const SERVICE_BITS: Bounds = { IPv4: [8, 28], IPv6: [64, 124] };

/** A range of addresses, or one of each IP family, of a size within bounds. */
export function ranges(text: string, bounds: Bounds): string {
  const parts = text.split(',');
  const fits = (part: string): boolean => {
    const bits = Number(part.split('/')[1]);
    const [widest, narrowest] = bounds[familyOf(part)];
    return isValidCIDR(part).length === 0 && bits >= widest && bits <= narrowest;
  };
  if (parts.every(fits) && new Set(parts.map(familyOf)).size === parts.length) return text;
  const between = (['IPv4', 'IPv6'] as const).map((family) => `${family} between /${bounds[family].join(' and /')}`);
  throw new InvalidArgumentError(
    `It has to be a range of addresses, or one of each family with a comma between: ${between.join(', ')}.`,
  );
}

/** A number from 0 to 1000. */
export function count(text: string): number {
  if (/^\d{1,4}$/.test(text) && Number(text) <= 1_000) return Number(text);
  throw new InvalidArgumentError('It has to be a number from 0 to 1000.');
}

/** Names of runtimes, by commas. */
export function runtimeNames(text: string): readonly RuntimeName[] {
  return listOf(
    text,
    RUNTIMES.filter((name) => name !== 'auto'),
  );
}

/** Some of `known`, by commas. */
export function listOf<T extends string>(text: string, known: readonly T[]): readonly T[] {
  return text.split(',').map((word) => {
    const found = known.find((name) => name === word);
    if (found) return found;
    throw new InvalidArgumentError(`Each has to be one of ${known.join(', ')}.`);
  });
}

/** URLs of API servers, by commas; what has no scheme is taken for HTTPS. */
export function servers(text: string): readonly string[] {
  return text.split(',').map((part) => {
    const url = URL.parse(part.includes('://') ? part : `https://${part}`);
    if (url?.protocol === 'https:' && url.pathname === '/' && url.hostname !== '') return url.origin;
    throw new InvalidArgumentError('Each has to be https://HOST:PORT.');
  });
}

/** Hashes of public keys, by commas. */
export function caCertHashes(text: string): readonly string[] {
  return text.split(',').map((part) => {
    const hash = part.toLowerCase();
    if (/^sha256:[0-9a-f]{64}$/.test(hash)) return hash;
    throw new InvalidArgumentError('Each has to be sha256: and 64 hexadecimal digits.');
  });
}
