import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { dockerArchive, layerOf, ociLayout, type TestEntry } from '../testing/test-images.ts';
import { ImageStore } from './image-store.ts';

const isRoot = process.geteuid?.() === 0;
const NONE = () => new Set<string>();
const BASE: readonly TestEntry[] = [
  { name: 'etc/', type: 'directory', mode: 0o755 },
  { name: 'etc/conf', content: 'base' },
  { name: 'etc/other', content: 'other' },
  { name: 'data/old/file', content: 'old' },
  { name: 'usr/lib/', type: 'directory' },
  { name: 'lib', type: 'symlink', linkname: 'usr/lib' },
];

describe.skipIf(!isRoot)(`ImageStore${isRoot ? '' : ' (LEFT OUT: files of others need root)'}`, () => {
  let directory: string;
  let store: ImageStore;
  const treeOf = async (reference: string) => {
    const record = await store.find(reference);
    return record ? store.treeOf(record) : '';
  };
  const contentOf = async (reference: string, path: string) => readFile(join(await treeOf(reference), path), 'utf8');
  const importArchive = async (tag: string, layers: readonly (readonly TestEntry[])[], config = {}) => {
    const path = join(directory, 'archive.tar');
    await writeFile(path, await dockerArchive({ tags: [tag], layers: await Promise.all(layers.map(layerOf)), config }));
    return store.import(path);
  };

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'images-'));
    store = new ImageStore(join(directory, 'store'));
  });
  afterEach(() => rm(directory, { recursive: true }));

  it('takes in what docker saves, and finds it by all its names', async () => {
    const [image] = await importArchive('library/web:2', [BASE], { Cmd: ['run'], User: '7' });

    expect(image).toMatchObject({ repoTags: ['web:2'], config: { Cmd: ['run'], User: '7' } });
    for (const name of ['web:2', 'docker.io/library/web:2', image?.id ?? '', image?.id.slice(7, 20) ?? ''])
      expect(await store.find(name)).toEqual(image);
    expect(await store.find('web')).toBeUndefined();
    expect(await contentOf('web:2', 'etc/conf')).toBe('base');
    expect(image?.sizeBytes).toBeGreaterThan(5000);
  });

  it('lets upper layers replace and remove what lower ones have, and leaves the images below as they are', async () => {
    await importArchive('base:1', [BASE]);
    await importArchive('upper:1', [
      BASE,
      [
        { name: 'etc/conf', content: 'changed' },
        { name: 'etc/.wh.other', content: '' },
        { name: 'data/new', content: 'new' },
        { name: 'data/.wh..wh..opq', content: '' },
        { name: 'lib/so', content: 'by a link' },
      ],
    ]);

    expect(await contentOf('upper:1', 'etc/conf')).toBe('changed');
    expect(await readdir(join(await treeOf('upper:1'), 'etc'))).toEqual(['conf']);
    expect(await readdir(join(await treeOf('upper:1'), 'data'))).toEqual(['new']);
    expect(await contentOf('upper:1', 'usr/lib/so')).toBe('by a link');
    expect(await contentOf('base:1', 'etc/conf')).toBe('base');
    expect(await contentOf('base:1', 'data/old/file')).toBe('old');
  });

  it('keeps what images have in common once', async () => {
    await importArchive('base:1', [BASE]);
    await importArchive('upper:1', [BASE, [{ name: 'more', content: 'more' }]]);

    const [one, other] = await Promise.all(['base:1', 'upper:1'].map(async (name) => stat(join(await treeOf(name), 'etc/conf'))));
    expect(other?.ino).toBe(one?.ino);
  });

  it('keeps owners, modes, times, links and special files', async () => {
    const mtime = new Date('2020-02-03T04:05:06Z');
    await importArchive('files:1', [
      [
        { name: 'dir/', type: 'directory', mode: 0o1777, uid: 5, gid: 6, mtime },
        { name: 'dir/file', content: 'text', mode: 0o4755, uid: 7, gid: 8, mtime },
        { name: 'dir/hard', type: 'link', linkname: 'dir/file' },
        { name: 'dir/soft', type: 'symlink', linkname: '/absolute' },
        { name: 'dir/pipe', type: 'fifo' },
        { name: 'dir/null', type: 'character-device', devmajor: 1, devminor: 3 },
      ],
    ]);

    const lines = execFileSync('stat', ['-c', '%n %a %u %g %F %h', 'dir', 'dir/file', 'dir/soft', 'dir/pipe', 'dir/null'], {
      cwd: await treeOf('files:1'),
    });
    expect(lines.toString().trim().split('\n')).toEqual([
      'dir 1777 5 6 directory 2',
      'dir/file 4755 7 8 regular file 2',
      'dir/soft 777 0 0 symbolic link 1',
      'dir/pipe 644 0 0 fifo 1',
      'dir/null 644 0 0 character special file 1',
    ]);
    expect((await stat(join(await treeOf('files:1'), 'dir'))).mtime).toEqual(mtime);
  });

  it('lets no archive reach out of its tree', async () => {
    await expect(importArchive('bad:1', [[{ name: '../out', content: 'x' }]])).rejects.toMatchObject({ reason: 'BadRequest' });

    await importArchive('links:1', [
      [
        { name: 'up', type: 'symlink', linkname: '../../../../../..' },
        { name: 'up/tmp/inside', content: 'inside' },
      ],
    ]);
    expect(await contentOf('links:1', 'tmp/inside')).toBe('inside');
  });

  it('refuses a layer that is not what the configuration says', async () => {
    const layers = [await layerOf(BASE)];
    const path = join(directory, 'archive.tar');
    await writeFile(path, await dockerArchive({ tags: ['bad:1'], layers, diffIds: [`sha256:${'0'.repeat(64)}`] }));

    await expect(store.import(path)).rejects.toThrow('A layer of the image is not what it should be');
    expect(await store.list()).toEqual([]);
    expect(await readdir(join(directory, 'store', 'scratch'))).toEqual([]);
  });

  it.each([
    { title: 'plain', compress: (bytes: Buffer) => bytes },
    { title: 'gzip', compress: gzipSync },
    { title: 'zstd', compress: zstdCompressSync },
  ])('takes in OCI layouts, as directories and archives ($title)', async ({ compress }) => {
    const layout = join(directory, 'layout');
    await ociLayout(layout, { tag: 'localhost/app:3', layers: [compress(await layerOf(BASE))], diffIds: [await layerOf(BASE)] });

    const [image] = await store.import(layout);
    execFileSync('tar', ['-cf', join(directory, 'layout.tar'), '-C', layout, '.']);
    const [again] = await store.import(join(directory, 'layout.tar'), 'renamed:1');

    expect(image?.repoTags).toEqual(['localhost/app:3']);
    expect(again).toMatchObject({ id: image?.id, repoTags: ['localhost/app:3', 'renamed:1'] });
    expect(await contentOf('renamed:1', 'etc/conf')).toBe('base');
  });

  it('takes in an archive of a root file system under a name', async () => {
    const path = join(directory, 'root.tar.gz');
    await writeFile(path, gzipSync(await layerOf(BASE)));

    await expect(store.import(path)).rejects.toThrow('give it a name');
    const [image] = await store.import(path, 'root:1');

    expect(image).toMatchObject({ repoTags: ['root:1'], config: { Cmd: ['/bin/sh'] } });
    expect(await contentOf('root:1', 'etc/conf')).toBe('base');
  });

  it('gives a tag to the image that had it last', async () => {
    const [older] = await importArchive('web:1', [BASE]);
    const [newer] = await importArchive('web:1', [[{ name: 'x', content: 'x' }]]);

    expect((await store.find('web:1'))?.id).toBe(newer?.id);
    expect(await store.find(older?.id ?? '')).toMatchObject({ repoTags: [] });
  });

  it('removes a name first, then the image, and its files with the last user of them', async () => {
    const [image] = await importArchive('web:1', [BASE]);
    await importArchive('web:stable', [BASE]);
    const tree = await treeOf('web:1');

    await store.remove('web:1', NONE);
    expect(await store.find('web:stable')).toMatchObject({ id: image?.id, repoTags: ['web:stable'] });
    await store.remove('web:stable', () => new Set([tree]));
    expect(await store.list()).toEqual([]);
    expect(await readdir(tree)).toContain('etc');
    await store.sweep(NONE);

    await expect(readdir(tree)).rejects.toThrow('ENOENT');
  });

  it('takes in the same image twice at the same time', async () => {
    const layer = await layerOf(BASE);
    const config = Buffer.from(
      JSON.stringify({ config: {}, rootfs: { diff_ids: [`sha256:${createHash('sha256').update(layer).digest('hex')}`] } }),
    );
    const source = (tag: string) => ({
      config,
      layers: [async () => Readable.from([layer])],
      repoTags: [tag],
      repoDigests: [],
    });
    const other = new ImageStore(join(directory, 'store'));

    await Promise.all([store.add(source('a:1')), store.add(source('b:1')), other.add(source('c:1'))]);

    await mkdir(join(directory, 'store', 'scratch'), { recursive: true });
    expect(await readdir(join(directory, 'store', 'trees'))).toHaveLength(1);
    expect(await readdir(join(directory, 'store', 'scratch'))).toEqual([]);
  });
});
