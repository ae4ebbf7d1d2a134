import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { rotateLog } from './log-rotation.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'rotation-'));
});
afterEach(() => rm(directory, { recursive: true }));

it('puts a long log aside, moves older ones up, and drops the oldest', async () => {
  const path = join(directory, '0.log');
  const write = (text: string) => writeFile(path, text);
  for (const text of ['first', 'second', 'third', 'fourth']) {
    await write(text);
    await rotateLog(path, { maxFileBytes: 1, maxFiles: 3 }, () => write(''));
  }

  expect((await readdir(directory)).toSorted()).toEqual(['0.log', '0.log.1', '0.log.2']);
  expect(await readFile(`${path}.1`, 'utf8')).toBe('fourth');
  expect(await readFile(`${path}.2`, 'utf8')).toBe('third');
});

it('leaves a short log, and none, alone', async () => {
  const path = join(directory, '0.log');
  await writeFile(path, 'short');
  const reopen = async () => {
    throw new Error('nothing to reopen');
  };

  expect(await rotateLog(path, { maxFileBytes: 5, maxFiles: 3 }, reopen)).toBe(false);
  expect(await rotateLog(join(directory, 'none.log'), { maxFileBytes: 5, maxFiles: 3 }, reopen)).toBe(false);
  expect(await readdir(directory)).toEqual(['0.log']);
});
