import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, expect, it, onTestFinished } from 'vitest';
import { Addresses, ownerText } from './addresses.ts';

let directory: string;
let addresses: Addresses;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'keelson-addresses-'));
  addresses = new Addresses(directory);
  onTestFinished(() => rm(directory, { recursive: true }));
});

const take = async (owner: string, cidr = '10.9.8.0/29') => (await addresses.take(cidr, 0, owner)).address;

it('gives each owner another one, with the first one of the range as the way out', async () => {
  expect(await addresses.take('10.9.8.0/24', 0, 'a')).toEqual({ address: '10.9.8.2', prefixLength: 24, gateway: '10.9.8.1' });
  expect(await addresses.take('10.9.8.0/24', 0, 'b')).toMatchObject({ address: '10.9.8.3' });
  expect(await addresses.take('fd00:9::/64', 1, 'a')).toEqual({ address: 'fd00:9::2', prefixLength: 64, gateway: 'fd00:9::1' });
});

it('gives different ones to those who come at once', async () => {
  const all = await Promise.all(['a', 'b', 'c', 'd', 'e'].map((owner) => take(owner)));

  expect(all.toSorted()).toEqual(['10.9.8.2', '10.9.8.3', '10.9.8.4', '10.9.8.5', '10.9.8.6']);
});

it('says so when all are taken, and goes round when some are given back', async () => {
  for (const owner of ['a', 'b', 'c', 'd', 'e']) await take(owner);
  const full = take('f');
  await expect(full).rejects.toThrow('no IP addresses available in range set: 10.9.8.1-10.9.8.6');

  await addresses.giveBack('b');
  await addresses.giveBack('d');

  expect(await take('f')).toBe('10.9.8.3');
  expect(await take('g')).toBe('10.9.8.5');
});

it('does not give one that was given back at once to the next', async () => {
  await take('a');
  await addresses.giveBack('a');

  expect(await take('b')).toBe('10.9.8.3');
});

it('finds again who has what', async () => {
  await take('a');
  await take('b');
  addresses = new Addresses(directory);

  await addresses.giveBack('a');

  expect(await take('c')).toBe('10.9.8.4');
  expect((await readdir(directory)).toSorted()).toEqual(['10.9.8.3', '10.9.8.4', 'last_reserved_ip.0']);
});

it('shares its files with the plugin host-local, which may take and give back behind its back', async () => {
  await take(ownerText('mine', 'eth0'));
  await writeFile(join(directory, '10.9.8.3'), ownerText('its', 'eth0'));
  for (const owner of ['c', 'd', 'e']) await take(owner);
  await rm(join(directory, '10.9.8.3'));

  expect(await take('f')).toBe('10.9.8.3');
  expect(await readFile(join(directory, '10.9.8.2'), 'utf8')).toBe('mine\r\neth0');
});
