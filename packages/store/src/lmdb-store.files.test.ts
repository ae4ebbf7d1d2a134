import { execFileSync, spawn } from 'node:child_process';
import { appendFile, copyFile, mkdir, mkdtemp, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { open } from 'lmdb';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LmdbStore, type LmdbStoreOptions } from './lmdb-store.ts';
import { saveSnapshot } from './snapshot-file.ts';
import { del, put } from './testing/harness.ts';

let path: string;
const opened: LmdbStore[] = [];

beforeEach(async () => {
  path = await mkdtemp(join(tmpdir(), 'keelson-store-'));
});

afterEach(async () => {
  for (const store of opened.splice(0)) await store.close();
  await rm(path, { recursive: true, force: true });
});

async function openHere(options: Partial<LmdbStoreOptions> = {}): Promise<LmdbStore> {
  const store = await LmdbStore.open({ path, ...options });
  opened.push(store);
  return store;
}

async function fill(count: number): Promise<void> {
  const store = await openHere();
  const value = new Uint8Array(5000).fill(97);
  await store.commit(Array.from({ length: count }, (_, i) => ({ type: 'put', key: `/k/${i}`, value })));
  await store.close();
}

describe('LmdbStore, its file', () => {
  it('is refused while another store has it open, and free after close', async () => {
    const first = await openHere();

    const second = await openHere().catch((error: unknown) => error);
    await first.close();
    const third = await openHere();

    expect(second).toMatchObject({
      reason: 'ServiceUnavailable',
      message: expect.stringContaining(`process ${process.pid} has it open`),
    });
    expect(await third.revision()).toBe(1);
  });

  it('is not taken for open because of what a dead process left', async () => {
    await writeFile(join(path, 'store.pid'), `${process.ppid} 1\n`);

    const store = await openHere();

    expect(await readFile(join(path, 'store.pid'), 'utf8')).toMatch(new RegExp(`^${process.pid} `));
    expect(await store.revision()).toBe(1);
  });

  it('is refused if its format is newer', async () => {
    await fill(1);
    const root = open({ path: join(path, 'store.mdb'), maxDbs: 8, overlappingSync: false });
    await root.openDB<number, string>({ name: 'meta', encoding: 'json' }).put('format', 2);
    await root.close();

    await expect(openHere()).rejects.toMatchObject({
      reason: 'ServiceUnavailable',
      message: expect.stringContaining('its format is 2'),
    });
  });

  it.each([0, 100, 4096, 20_000, 300_000])('is refused when cut off to %i bytes, each time', async (bytes) => {
    await fill(100);
    await truncate(join(path, 'store.mdb'), bytes);

    for (let i = 0; i < 2; i++) await expect(openHere()).rejects.toMatchObject({ reason: 'ServiceUnavailable' });

    expect((await stat(join(path, 'store.mdb'))).size).toBe(bytes);
  });

  it('is refused if one page is cut off', async () => {
    await fill(100);
    const file = join(path, 'store.mdb');
    const bytes = (await stat(file)).size - 4096;
    await truncate(file, bytes);

    for (let i = 0; i < 2; i++) await expect(openHere()).rejects.toMatchObject({ reason: 'ServiceUnavailable' });

    expect((await stat(file)).size).toBe(bytes);
  });

  it.each([100, 8192, 20_000])('is whole with %i bytes behind its end of a transaction that was torn off', async (bytes) => {
    await fill(100);
    await appendFile(join(path, 'store.mdb'), new Uint8Array(bytes).fill(0xa5));

    const store = await openHere();

    expect((await store.range('/k/')).entries).toHaveLength(100);
    expect(await store.commit([put('/k/0', '')])).toBe(3);
  });

  it('is refused if it is something else', async () => {
    await copyFile(fileURLToPath(import.meta.url), join(path, 'store.mdb'));

    await expect(openHere()).rejects.toMatchObject({
      reason: 'ServiceUnavailable',
      message: expect.stringContaining('no database'),
    });
  });

  it('is refused if its directory cannot be made', async () => {
    await writeFile(join(path, 'file'), '');

    const opening = LmdbStore.open({ path: join(path, 'file', 'store') });

    await expect(opening).rejects.toMatchObject({ reason: 'ServiceUnavailable', message: expect.stringContaining('ENOTDIR') });
  });

  it('grows past the size of its map', async () => {
    const store = await openHere({ mapBytes: 128 * 1024, durability: 'none' });
    const value = new Uint8Array(100_000).fill(97);

    for (let i = 0; i < 50; i++) await store.commit([{ type: 'put', key: `/k/${i}`, value }]);

    expect((await store.range('/k/')).entries.map((entry) => entry.value.length)).toEqual(
      Array.from({ length: 50 }, () => 100_000),
    );
  });

  it('does not grow when the same keys are written again and again', async () => {
    const store = await openHere({ durability: 'none' });
    const round = async (): Promise<number> => {
      for (let i = 0; i < 20; i++)
        await store.commit(Array.from({ length: 50 }, (_, k) => put(`/leases/${k}`, `${i}`.padStart(500))));
      await store.compact(await store.revision());
      return (await stat(join(path, 'store.mdb'))).size;
    };
    for (let i = 0; i < 3; i++) await round();
    const settled = await round();

    for (let i = 0; i < 5; i++) await round();

    expect(await round()).toBeLessThanOrEqual(settled * 1.2);
  });

  it('forgets history early when it takes too much room', async () => {
    const { ManualClock } = await import('@keelson/base/testing');
    const clock = new ManualClock();
    const store = await openHere({ durability: 'none', clock, maxHistoryBytes: 1024 * 1024 });
    for (let i = 0; i < 400; i++) await store.commit([put('/a', `${i}`.padStart(10_000))]);

    await clock.advance(5_000);
    await expect.poll(() => store.stats().compacted).toBeGreaterThan(200);

    expect((await store.get('/a'))?.revision).toBe(401);
  });
});

describe.skipIf(process.platform !== 'linux' || process.getuid?.() !== 0)(
  'LmdbStore, on a disk that is read-only (needs root)',
  () => {
    it('is refused, and its data can still be saved as a snapshot', async () => {
      await fill(10);
      const disk = join(path, 'disk');
      await mkdir(disk);
      execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', disk]);
      try {
        await copyFile(join(path, 'store.mdb'), join(disk, 'store.mdb'));
        await writeFile(join(disk, 'store.made'), '');
        execFileSync('mount', ['-o', 'remount,ro', disk]);

        await expect(LmdbStore.open({ path: disk })).rejects.toMatchObject({
          reason: 'ServiceUnavailable',
          message: expect.stringContaining('EROFS'),
        });

        expect(await saveSnapshot(disk, join(path, 'snap'))).toMatchObject({ revision: 2, keys: 10 });
      } finally {
        // Lazily: without a lock file the database's binding keeps the file open until the process ends.
        execFileSync('umount', ['-l', disk]);
      }
    });
  },
);

describe('LmdbStore, group commit', () => {
  it('takes commits that wait to the disk together', async () => {
    const store = await openHere();

    await Promise.all(Array.from({ length: 300 }, (_, i) => store.commit([put(`/k/${i}`, '')])));
    const { commits, batches, syncs, commitLatency } = store.stats();

    expect(commits).toBe(300);
    expect(batches).toBeLessThan(10);
    expect(syncs).toBe(batches);
    expect(commitLatency.count).toBe(300);
    expect(commitLatency.counts.reduce((sum, count) => sum + count, 0)).toBe(300);
  });

  it('keeps each version of a key that changes several times on one trip to the disk', async () => {
    const store = await openHere();

    const changes = ['1', '2', undefined, '3'].map((text) => store.commit([text === undefined ? del('/a') : put('/a', text)]));
    await Promise.all(changes);
    const texts = await Promise.all([2, 3, 4, 5].map(async (at) => (await store.get('/a', at))?.value.toString()));

    expect(store.stats().batches).toBe(1);
    expect(texts).toEqual(['1', '2', undefined, '3']);
  });
});

describe.skipIf(process.platform === 'win32')('LmdbStore, on a full disk', () => {
  it('refuses what it cannot write, keeps what it has, and goes on when there is room', async () => {
    const script = fileURLToPath(new URL('./testing/full-disk.test.main.ts', import.meta.url));
    // A limit on the size of files (in units of 512 or 1024 bytes, as the shell has it) fails writes as a full disk does.
    const command = `ulimit -f 6000; exec "$0" --conditions=keelson-source "$1" "$2"`;
    const child = spawn('sh', ['-c', command, process.execPath, script, path], { stdio: ['ignore', 'pipe', 'ignore'] });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    await new Promise((resolve) => child.on('close', resolve));
    const told = JSON.parse(output) as { acknowledged: number; reason: string; readable: number; afterwards: number };

    const store = await openHere();
    const pairs = (await store.range('/k/')).entries.length / 2;

    expect(told.reason).toBe('ServiceUnavailable');
    expect(told.acknowledged).toBeGreaterThan(10);
    expect(told.readable).toBe(told.acknowledged);
    expect(told.afterwards).toBe(told.acknowledged + 2);
    expect([await store.revision(), pairs]).toEqual([told.afterwards, told.acknowledged]);
    expect(await store.commit([put('/k2', '')])).toBe(told.afterwards + 1);
  });
});
