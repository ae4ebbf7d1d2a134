import { mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { prepareHostPath } from './host-path.ts';

let directory: string;
beforeEach(async () => void (directory = await mkdtemp(join(tmpdir(), 'host-path-'))));
afterEach(() => rm(directory, { recursive: true, force: true }));

describe('prepareHostPath', () => {
  it.each([
    { type: '', isDirectory: true },
    { type: 'DirectoryOrCreate', isDirectory: true },
    { type: 'FileOrCreate', isDirectory: false },
  ])('makes what is not there for type "$type"', async ({ type, isDirectory }) => {
    const path = join(directory, 'made');

    await prepareHostPath({ path, type });

    const found = await stat(path);
    expect(found.isDirectory()).toBe(isDirectory);
    expect(found.mode & 0o777).toBe(isDirectory ? 0o755 : 0o644);
  });

  it('makes no directory for a file', async () => {
    await expect(prepareHostPath({ path: join(directory, 'none/file'), type: 'FileOrCreate' })).rejects.toThrow('ENOENT');
  });

  it('takes what is there, of any type if none is asked for', async () => {
    await writeFile(join(directory, 'file'), 'x');

    await expect(prepareHostPath({ path: join(directory, 'file') })).resolves.toBe(join(directory, 'file'));
    await expect(prepareHostPath({ path: '/dev/null', type: 'CharDevice' })).resolves.toBe('/dev/null');
  });

  it('knows sockets', async () => {
    const path = join(directory, 's');
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(path, resolve));

    await expect(prepareHostPath({ path, type: 'Socket' })).resolves.toBe(path);

    await new Promise((resolve) => server.close(resolve));
  });

  it.each([
    { type: 'Directory', noun: 'a directory', wrong: 'file' },
    { type: 'DirectoryOrCreate', noun: 'a directory', wrong: 'file' },
    { type: 'File', noun: 'a file', wrong: 'directory' },
    { type: 'FileOrCreate', noun: 'a file', wrong: 'directory' },
    { type: 'Socket', noun: 'a socket file', wrong: 'file' },
    { type: 'CharDevice', noun: 'a character device', wrong: 'file' },
    { type: 'BlockDevice', noun: 'a block device', wrong: 'none' },
  ])('says that it is not $noun', async ({ type, noun, wrong }) => {
    await writeFile(join(directory, 'file'), 'x');
    await mkdir(join(directory, 'directory'));
    const path = join(directory, wrong);

    await expect(prepareHostPath({ path, type })).rejects.toThrow(`hostPath type check failed: ${path} is not ${noun}`);
  });
});
