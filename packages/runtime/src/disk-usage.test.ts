import { link, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { diskUsage, logUsage } from './disk-usage.ts';

const MI = 1024 * 1024;

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'disk-usage-'));
});
afterEach(() => rm(directory, { recursive: true }));

const put = (name: string, bytes: number) => writeFile(join(directory, name), Buffer.alloc(bytes, 'x'));

describe('diskUsage', () => {
  it('counts what is in directories of directories, and each file once', async () => {
    await mkdir(join(directory, 'a/b'), { recursive: true });
    await put('a/b/file', MI);
    await put('file', MI);
    await link(join(directory, 'file'), join(directory, 'a/again'));

    const { inodesUsed, usedBytes } = await diskUsage(directory);

    expect(inodesUsed).toBe(5);
    expect(usedBytes).toBeGreaterThanOrEqual(2 * MI);
    expect(usedBytes).toBeLessThan(3 * MI);
  });

  it('takes what is not there for nothing', async () => {
    expect(await diskUsage(join(directory, 'none'))).toEqual({ usedBytes: 0, inodesUsed: 0 });
  });
});

describe('logUsage', () => {
  it('counts what was put aside, and nothing else', async () => {
    for (const name of ['log', 'log.1', 'log.2.gz', 'log.json', 'other']) await put(name, MI);

    expect((await logUsage(join(directory, 'log')))?.inodesUsed).toBe(3);
  });

  it('does not know where it may not look', async () => {
    expect(await logUsage(join(directory, 'none/log'))).toBeUndefined();
  });
});
