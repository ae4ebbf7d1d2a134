import { mkdtemp, readdir, readFile, readlink, rm, stat, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { writeAtomically, type Payload } from './atomic-writer.ts';

function payload(files: Record<string, string>, mode = 0o644): Payload {
  return new Map(Object.entries(files).map(([path, text]) => [path, { content: Buffer.from(text), mode }]));
}

let directory: string;
beforeEach(async () => void (directory = await mkdtemp(join(tmpdir(), 'atomic-'))));
afterEach(() => rm(directory, { recursive: true, force: true }));

describe('writeAtomically', () => {
  it('shows files through ..data, with their modes', async () => {
    await writeAtomically(directory, payload({ a: '1', 'deep/b': '2' }, 0o400), 0);

    expect((await readdir(directory)).filter((name) => !name.startsWith('..'))).toEqual(['a', 'deep']);
    expect(await readlink(join(directory, 'a'))).toBe('..data/a');
    expect(await readFile(join(directory, 'deep/b'), 'utf8')).toBe('2');
    expect((await stat(join(directory, 'a'))).mode & 0o777).toBe(0o400);
  });

  it('replaces all files in one step and takes away what is gone', async () => {
    await writeAtomically(directory, payload({ a: '1', gone: 'x' }), 0);

    const written = await writeAtomically(directory, payload({ a: '2', b: '3' }), 1000);

    expect(written).toBe(true);
    expect(await readFile(join(directory, 'a'), 'utf8')).toBe('2');
    expect((await readdir(directory)).filter((name) => !name.startsWith('..')).sort()).toEqual(['a', 'b']);
    expect((await readdir(directory)).filter((name) => name.startsWith('..'))).toHaveLength(2);
  });

  it('writes nothing if nothing has changed', async () => {
    await writeAtomically(directory, payload({ a: '1' }), 0);
    const before = await readlink(join(directory, '..data'));

    expect(await writeAtomically(directory, payload({ a: '1' }), 60_000)).toBe(false);
    expect(await readlink(join(directory, '..data'))).toBe(before);
  });

  it('goes on after a crash in the middle', async () => {
    await symlink('nowhere', join(directory, '..data_tmp'));

    await writeAtomically(directory, payload({ a: '1' }), 0);

    expect(await readFile(join(directory, 'a'), 'utf8')).toBe('1');
  });

  it.each(['/etc/passwd', '../x', 'a/../../x', ''])('refuses the path "%s"', async (path) => {
    await expect(writeAtomically(directory, payload({ [path]: 'x' }), 0)).rejects.toMatchObject({ reason: 'BadRequest' });
  });
});
