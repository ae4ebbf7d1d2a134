import { mkdir, mkdtemp, readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openWithin } from './safe-path.ts';

let scratch: string;
let root: string;

beforeEach(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'safe-path-'));
  root = join(scratch, 'volume');
  await mkdir(join(root, 'a/b'), { recursive: true });
  await writeFile(join(root, 'a/b/file'), 'inside');
  await mkdir(join(scratch, 'outside'));
  await writeFile(join(scratch, 'outside/secret'), 'outside');
});
afterEach(() => rm(scratch, { recursive: true, force: true }));

async function pathOf(subPath: string): Promise<string> {
  await using opened = await openWithin(root, subPath);
  return opened.path;
}

describe('openWithin', () => {
  it.each([
    { title: 'a file', subPath: 'a/b/file', want: 'a/b/file' },
    { title: 'a directory', subPath: './a//b/', want: 'a/b' },
    { title: 'a link beside it', link: 'b/file', at: 'a/link', subPath: 'a/link', want: 'a/b/file' },
    { title: 'a link up and down again', link: '../a/b', at: 'a/link', subPath: 'a/link/file', want: 'a/b/file' },
    { title: 'a link to its own root', link: '.', at: 'link', subPath: 'link/a', want: 'a' },
    { title: 'an absolute link to itself', link: 'ROOT/a', at: 'a/b/link', subPath: 'a/b/link/b', want: 'a/b' },
    { title: 'a link to what is not there', link: 'new', at: 'link', subPath: 'link', want: 'new' },
  ])('opens $title', async ({ link, at = '', subPath, want }) => {
    if (link !== undefined) await symlink(link.replace('ROOT', root), join(root, at));

    expect(await pathOf(subPath)).toBe(join(root, want));
  });

  it.each([
    { title: 'up', link: '..', subPath: 'link' },
    { title: 'up from below', link: '../../outside', at: 'a/link', subPath: 'a/link/secret' },
    { title: 'to another place', link: '/etc/passwd', subPath: 'link' },
    { title: 'to a neighbour whose name begins alike', link: 'ROOT-other', subPath: 'link' },
    { title: 'through a second link', link: 'second', more: '../outside', subPath: 'link/secret' },
  ])('refuses a link that leads $title', async ({ link, at = 'link', more, subPath }) => {
    await symlink(link.replace('ROOT', root), join(root, at));
    if (more !== undefined) await symlink(more, join(root, 'second'));

    await expect(pathOf(subPath)).rejects.toThrow('leaves the volume through a symbolic link');
  });

  it('ends links that go in circles', async () => {
    await symlink('two', join(root, 'one'));
    await symlink('one', join(root, 'two'));

    await expect(pathOf('one')).rejects.toThrow('too many symbolic links');
  });

  it('refuses to go through a file', async () => {
    await expect(pathOf('a/b/file/deeper')).rejects.toThrow('goes through a file');
  });

  it('makes directories that are missing, as open as the volume is', async () => {
    const { mode } = await stat(root);

    await pathOf('x/y');

    expect((await stat(join(root, 'x/y'))).mode).toBe(mode);
  });

  it('stays on what it opened when somebody puts a link in its place', async () => {
    await using opened = await openWithin(root, 'a/b');
    await rename(join(root, 'a/b'), join(root, 'moved'));
    await symlink(join(scratch, 'outside'), join(root, 'a/b'));

    expect(await readFile(join(opened.handlePath, 'file'), 'utf8')).toBe('inside');
    await expect(readFile(join(opened.handlePath, 'secret'))).rejects.toThrow('ENOENT');
  });

  it('never ends outside while links are swapped under its hands', async () => {
    const end = new AbortController();
    const swapping = (async () => {
      for (const targets = ['a/b', join(scratch, 'outside'), '../outside']; !end.signal.aborted;) {
        const [target = ''] = targets.splice(0, 1);
        targets.push(target);
        await symlink(target, join(root, 'new'));
        await rename(join(root, 'new'), join(root, 'link'));
      }
    })();

    const found = new Set<string>([await pathOf('a/b/file')]);
    for (let at = 0; at < 300; at += 1) found.add(await pathOf('link/file').catch(() => 'refused'));
    end.abort();
    await swapping;

    found.delete('refused');
    expect([...found]).toEqual([join(root, 'a/b/file')]);
  });
});
