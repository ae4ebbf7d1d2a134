import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { lookupElsewhere } from './external-names.ts';

const resolve = promisify((name: string, done: (error: Error | null, addresses: unknown) => void) =>
  lookupElsewhere(name, { all: true }, done),
);

describe('the addresses of external names', () => {
  // Nobody is asked for the name of something that is an address already.
  it.each(['127.0.0.1', '127.8.9.1', '0.0.0.0', '169.254.169.254', '::1', '::', 'fe80::1', '::ffff:127.0.0.1', 'localhost'])(
    'are not those of this machine and its link: %s',
    async (name) => {
      await expect(resolve(name)).rejects.toThrow('leads to this machine or its link only');
    },
  );

  it.each([
    { name: '192.0.2.7', family: 4 },
    { name: '2001:db8::7', family: 6 },
  ])('are all others: $name', async ({ name, family }) => {
    expect(await resolve(name)).toEqual([{ address: name, family }]);
    const one = promisify((done: (error: Error | null, address: unknown) => void) => lookupElsewhere(name, {}, done));
    expect(await one()).toBe(name);
  });
});
