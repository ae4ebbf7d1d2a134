import { appendFile, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { ManualClock } from '@keelson/base/testing';
import { firstValueFrom } from 'rxjs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LmdbStore } from './lmdb-store.ts';
import { restoreSnapshot, saveSnapshot, snapshotStatus } from './snapshot-file.ts';
import { del, put, show } from './testing/harness.ts';

let path: string;

beforeEach(async () => {
  path = await mkdtemp(join(tmpdir(), 'keelson-snapshot-'));
});

afterEach(() => rm(path, { recursive: true, force: true }));

const at = (name: string): string => join(path, name);

async function filledStore(): Promise<LmdbStore> {
  const store = await LmdbStore.open({ path: at('store') });
  await store.commit([put('/a', '1'), put('/b', '1')]);
  await store.commit([put('/a', '2'), put('/c', '1', 60)]);
  await store.commit([del('/b')]);
  return store;
}

async function saved(): Promise<string> {
  await using store = closing(await filledStore());
  await store.snapshot(at('snap'));
  return at('snap');
}

function closing(store: LmdbStore): LmdbStore & AsyncDisposable {
  return Object.assign(store, { [Symbol.asyncDispose]: () => store.close() });
}

describe('a snapshot', () => {
  it('says what is in it', async () => {
    await using store = closing(await filledStore());

    const status = await store.snapshot(at('snap'));
    await store.commit([put('/later', '1')]);

    expect(status).toMatchObject({ revision: 4, keys: 2 });
    expect(status.sha256).toMatch(/^[0-9a-f]{64}$/);
    expect(await snapshotStatus(at('snap'))).toEqual(status);
    expect((await readdir(path)).toSorted()).toEqual(['snap', 'store']);
  });

  it('is taken from a store that another process has open and writes to', async () => {
    const script = fileURLToPath(new URL('./testing/crash-writer.test.main.ts', import.meta.url));
    const args = ['--conditions=keelson-source', script, at('store'), '1'];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    const closed = new Promise((resolve) => child.on('close', resolve));
    await new Promise<void>((resolve) => {
      let output = '';
      child.stdout.on('data', (chunk: Buffer) => {
        output += chunk.toString();
        if (output.split('\n').length > 20) resolve();
      });
    });

    const status = await saveSnapshot(at('store'), at('snap'));
    child.kill('SIGKILL');
    await closed;
    await restoreSnapshot(at('snap'), at('restored'));

    await using restored = closing(await LmdbStore.open({ path: at('restored') }));
    const left = await restored.range('/left/');
    const right = await restored.range('/right/');
    expect(status.keys).toBeGreaterThanOrEqual(2 * 18);
    expect(left.entries.length).toBe(right.entries.length);
    expect(left.entries.map(({ revision }) => revision)).toEqual(right.entries.map(({ revision }) => revision));
  });

  it('does not take the place of a file', async () => {
    await using store = closing(await filledStore());
    await writeFile(at('snap'), 'mine');

    await expect(store.snapshot(at('snap'))).rejects.toMatchObject({ reason: 'AlreadyExists' });

    expect(await readFile(at('snap'), 'utf8')).toBe('mine');
  });

  it('of no store is refused, and makes none', async () => {
    await expect(saveSnapshot(at('nowhere'), at('snap'))).rejects.toMatchObject({ reason: 'NotFound' });

    expect(await readdir(path)).toEqual([]);
  });

  it.each([
    { title: 'with a byte changed', damage: flipByte, message: 'checksum' },
    { title: 'cut off', damage: (file: string) => truncate(file, 20_000), message: 'no snapshot' },
    { title: 'with something behind it', damage: (file: string) => appendFile(file, 'x'), message: 'no snapshot' },
    { title: 'that is empty', damage: (file: string) => truncate(file, 0), message: 'no snapshot' },
  ])('$title is refused, and restores nothing', async ({ damage, message }) => {
    const file = await saved();
    await damage(file);

    const refusal = { reason: 'BadRequest', message: expect.stringContaining(message) };
    await expect(snapshotStatus(file)).rejects.toMatchObject(refusal);
    await expect(restoreSnapshot(file, at('restored'))).rejects.toMatchObject(refusal);

    expect((await readdir(path)).toSorted()).toEqual(['snap', 'store']);
  });
});

describe('a restored store', () => {
  it('has what was there under its revisions, and goes on from one that nobody has seen', async () => {
    const file = await saved();

    const revision = await restoreSnapshot(file, at('restored'));
    await using store = closing(await LmdbStore.open({ path: at('restored') }));

    expect(revision).toBe(1_000_000_004);
    expect((await store.range('')).entries.map(show)).toEqual(['/a=2 @3 ^2', '/c=1 @3 ^3']);
    expect(await store.commit([put('/d', '1')])).toBe(1_000_000_005);
  });

  it('tells watchers from before that their revision has expired', async () => {
    const file = await saved();
    await restoreSnapshot(file, at('restored'), { bumpRevision: 10 });
    await using store = closing(await LmdbStore.open({ path: at('restored') }));

    await expect(firstValueFrom(store.watch('', 4))).rejects.toMatchObject({ reason: 'Expired' });
    await expect(store.get('/a', 13)).rejects.toMatchObject({ reason: 'Expired' });

    expect(show(await store.get('/a', 14))).toBe('/a=2 @3 ^2');
  });

  it('still lets keys expire', async () => {
    const clock = new ManualClock();
    const original = await LmdbStore.open({ path: at('store'), clock });
    await original.commit([put('/a', '1', 60)]);
    await original.snapshot(at('snap'));
    await original.close();
    await restoreSnapshot(at('snap'), at('restored'));
    await using store = closing(await LmdbStore.open({ path: at('restored'), clock }));

    await clock.advance(63_000);

    await expect.poll(() => store.get('/a')).toBeUndefined();
  });

  it('does not take the place of one that is there', async () => {
    const file = await saved();

    await expect(restoreSnapshot(file, at('store'))).rejects.toMatchObject({ reason: 'AlreadyExists' });

    await using store = closing(await LmdbStore.open({ path: at('store') }));
    expect(await store.revision()).toBe(4);
  });
});

async function flipByte(file: string): Promise<void> {
  const bytes = await readFile(file);
  bytes[20_000] = (bytes[20_000] ?? 0) ^ 1;
  await writeFile(file, bytes);
}
