import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { NetworkNamespaces } from './network-namespaces.ts';

const obstacle = process.platform === 'linux' && process.getuid?.() === 0 ? undefined : 'LEFT OUT: needs root on Linux';

describe.skipIf(obstacle)(`network namespaces${obstacle === undefined ? '' : ` (${obstacle})`}`, () => {
  let directory: string;
  let namespaces: NetworkNamespaces;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'keelson-namespaces-'));
    namespaces = new NetworkNamespaces(directory);
  });
  afterEach(async () => {
    await namespaces.retain(new Set());
    await rm(directory, { recursive: true });
  });

  it('makes one, finds it again, and makes no second one', async () => {
    const path = await namespaces.create('web');
    const again = await new NetworkNamespaces(directory).create('web');

    expect(again).toBe(path);
    expect(await namespaces.find('web')).toBe(path);
    expect(await namespaces.list()).toEqual(['web']);
  });

  it('finishes what somebody was killed at', async () => {
    await writeFile(join(directory, 'half'), '');

    const before = await namespaces.find('half');
    const path = await namespaces.create('half');

    expect(before).toBeUndefined();
    expect(await namespaces.find('half')).toBe(path);
  });

  it('removes one, and may be told so again', async () => {
    await namespaces.create('web');

    await namespaces.remove('web');
    await namespaces.remove('web');

    expect(await namespaces.find('web')).toBeUndefined();
    expect(await namespaces.list()).toEqual([]);
  });

  it('removes all but those that are wanted', async () => {
    for (const name of ['a', 'b', 'c']) await namespaces.create(name);

    await namespaces.retain(new Set(['b']));

    expect(await namespaces.list()).toEqual(['b']);
  });

  it.each(['', '..', 'a/b'])('refuses the name "%s"', async (name) => {
    await expect(namespaces.create(name)).rejects.toMatchObject({ reason: 'BadRequest' });
  });
});
