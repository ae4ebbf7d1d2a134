import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SystemMounter } from './mounter.ts';
import { PodDirectories } from './pod-directories.ts';
import { ReadOnlyTrees } from './read-only-trees.ts';

const mounter = new SystemMounter();
if (!mounter.canMount) process.stderr.write('LEFT OUT: volumes that are read only with all below them need root\n');

describe.runIf(mounter.canMount || process.env['CI'])('ReadOnlyTrees', () => {
  let scratch: string;
  /** On which something else is mounted, at `below`. */
  let disk: string;
  let directories: PodDirectories;

  beforeEach(async () => {
    scratch = await mkdtemp(join(tmpdir(), 'trees-'));
    disk = join(scratch, 'disk');
    await mkdir(join(disk, 'below'), { recursive: true });
    await writeFile(join(disk, 'file'), 'on disk');
    await mounter.mount({ source: 'tmpfs', target: join(disk, 'below'), type: 'tmpfs', options: ['nosuid'] });
    await writeFile(join(disk, 'below/file'), 'below');
    directories = new PodDirectories(join(scratch, 'kubelet'), mounter);
  });
  afterEach(async () => {
    await directories.removeAll();
    await mounter.unmount(join(disk, 'below'));
    await rm(scratch, { recursive: true });
  });

  const prepare = (path: string) =>
    new ReadOnlyTrees(directories, mounter).prepare({ podUid: 'u', volume: 'v', mount: 'web/0', path });
  const mountsIn = async (path: string) => (await mounter.mountPoints()).filter((point) => point.startsWith(path));

  it('make a volume read only with all that is mounted below it, and leave the volume itself as it was', async () => {
    const tree = await prepare(disk);

    for (const name of ['file', 'below/file']) await expect(writeFile(join(tree, name), '')).rejects.toThrow('EROFS');
    expect(await readFile(join(tree, 'below/file'), 'utf8')).toBe('below');
    expect(await readFile('/proc/self/mounts', 'utf8')).toMatch(new RegExp(`${tree}/below tmpfs ro,nosuid`));
    await writeFile(join(disk, 'below/more'), '');
    expect(await readdir(join(tree, 'below'))).toEqual(['file', 'more']);
  });

  it('are the same for the next container, with what is mounted there by then', async () => {
    const first = await prepare(disk);
    await mkdir(join(disk, 'later'));
    await mounter.mount({ source: 'tmpfs', target: join(disk, 'later'), type: 'tmpfs' });

    const second = await prepare(disk);
    await mounter.unmount(join(disk, 'later'));

    expect(second).toBe(first);
    expect(await mountsIn(second)).toEqual([second, join(second, 'below'), join(second, 'later')]);
    await expect(writeFile(join(second, 'later/file'), '')).rejects.toThrow('EROFS');
  });

  it('may be a single file', async () => {
    const tree = await prepare(join(disk, 'below/file'));

    expect(await readFile(tree, 'utf8')).toBe('below');
    await expect(writeFile(tree, '')).rejects.toThrow('EROFS');
  });

  it('go with their pod, and nothing that was in them', async () => {
    await prepare(disk);

    await directories.remove('u');

    expect(await mountsIn(join(scratch, 'kubelet'))).toEqual([]);
    expect(await directories.uids()).toEqual([]);
    expect(await readFile(join(disk, 'file'), 'utf8')).toBe('on disk');
    expect(await readdir(join(disk, 'below'))).toEqual(['file']);
  });
});
