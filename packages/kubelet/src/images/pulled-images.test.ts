import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '@keelson/base';
import type { ImageStatus } from '@keelson/runtime';
import { describe, expect, it, onTestFinished } from 'vitest';
import { PulledImages } from './pulled-images.ts';

const image = (id: string, ...repoTags: string[]): ImageStatus => ({ id, repoTags, repoDigests: [], sizeBytes: 1, user: '' });

async function setUp() {
  const directory = await mkdtemp(join(tmpdir(), 'pulled-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  const file = join(directory, 'kubelet', 'pulled-images.json');
  const open = () => new PulledImages({ logger: silentLogger, file });
  return { file, open, pulled: open() };
}

describe('PulledImages', () => {
  it('knows what was pulled, also after a restart', async () => {
    const { open, pulled } = await setUp();

    await pulled.note('', undefined, image('1', 'web:1'));

    expect(await open().isOwn('', image('1', 'web:1'))).toBe(true);
    expect(await open().isOwn('', image('2', 'web:1'))).toBe(false);
    expect(await open().isOwn('lxc', image('1', 'web:1'))).toBe(false);
  });

  it('leaves to others what was there before it was pulled again', async () => {
    const { pulled } = await setUp();

    await pulled.note('', image('1', 'web:1'), image('1', 'web:1'));
    await pulled.note('', undefined, image('2', 'theirs:1', 'web:2'));

    expect(await pulled.isOwn('', image('1', 'web:1'))).toBe(false);
    expect(await pulled.isOwn('', image('2', 'theirs:1', 'web:2'))).toBe(false);
  });

  it('leaves to others what they have given a name', async () => {
    const { pulled } = await setUp();

    await pulled.note('', undefined, image('1', 'web:1'));

    expect(await pulled.isOwn('', image('1', 'theirs:1', 'web:1'))).toBe(false);
  });

  it('keeps what has lost its name to a newer one', async () => {
    const { pulled } = await setUp();
    await pulled.note('', undefined, image('1', 'web:latest'));

    await pulled.note('', image('1', 'web:latest'), image('2', 'web:latest'));

    expect(await pulled.isOwn('', image('1'))).toBe(true);
    expect(await pulled.isOwn('', image('2', 'web:latest'))).toBe(true);
  });

  it('knows several names by which it was pulled', async () => {
    const { pulled } = await setUp();

    await pulled.note('', undefined, image('1', 'web:1'));
    await pulled.note('', undefined, image('1', 'web:1', 'web:stable'));

    expect(await pulled.isOwn('', image('1', 'web:1', 'web:stable'))).toBe(true);
  });

  it('forgets what is gone: who brings it back is somebody else', async () => {
    const { open, pulled } = await setUp();
    await pulled.note('', undefined, image('1', 'web:1'));
    await pulled.note('lxc', undefined, image('1', 'web:1'));

    await pulled.retain('', [image('2')]);

    expect(await open().isOwn('', image('1', 'web:1'))).toBe(false);
    expect(await open().isOwn('lxc', image('1', 'web:1'))).toBe(true);
  });

  it('begins anew with a file that was cut off', async () => {
    const { file, open, pulled } = await setUp();
    await pulled.note('', undefined, image('1', 'web:1'));
    await writeFile(file, '{"/1":["we');

    const next = open();
    await next.note('', undefined, image('2', 'web:2'));

    expect(await next.isOwn('', image('1', 'web:1'))).toBe(false);
    expect(await open().isOwn('', image('2', 'web:2'))).toBe(true);
  });
});
