import { existsSync, renameSync, writeFileSync } from 'node:fs';
import { appendFile, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { SystemClock } from '@keelson/base';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { LogOptions } from '../container-runtime.ts';
import { criLog } from './cri-log.ts';

const OPTIONS: LogOptions = { follow: false, timestamps: false };
const record = (second: number, words: string, { stream = 'stdout', tag = 'F' } = {}) =>
  `2026-01-02T03:04:${String(second).padStart(2, '0')}.000000001Z ${stream} ${tag} ${words}\n`;

describe('criLog', () => {
  let directory: string;
  let path: string;
  let isOpen: boolean;
  const clock = new SystemClock();
  const read = (options: Partial<LogOptions> = {}, signal?: AbortSignal) =>
    criLog({ path, clock, isOpen: () => isOpen }, { ...OPTIONS, ...options }, signal);

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'cri-log-'));
    path = join(directory, 'log');
    isOpen = false;
  });
  afterEach(() => rm(directory, { recursive: true }));

  it('joins the pieces of a line, under the time of the first', async () => {
    await writeFile(path, record(1, 'one ', { tag: 'P' }) + record(2, 'line') + record(3, 'next'));

    expect(await text(read())).toBe('one line\nnext\n');
    expect(await text(read({ timestamps: true }))).toBe(
      '2026-01-02T03:04:01.000000001Z one line\n2026-01-02T03:04:03.000000001Z next\n',
    );
  });

  it.each([
    { time: '2026-01-02T03:04:05Z', want: '2026-01-02T03:04:05.000000000Z' },
    { time: '2026-01-02T03:04:05.12+01:00', want: '2026-01-02T03:04:05.120000000+01:00' },
  ])('gives $time all of its digits', async ({ time, want }) => {
    await writeFile(path, `${time} stdout F one\n`);

    expect(await text(read({ timestamps: true }))).toBe(`${want} one\n`);
  });

  it('leaves a last line without its end', async () => {
    await writeFile(path, record(1, 'one') + record(2, 'no end', { tag: 'P' }));

    expect(await text(read())).toBe('one\nno end');
    expect(await text(read({ tailLines: 1 }))).toBe('no end');
  });

  it('reads what was put aside first, the oldest before the others', async () => {
    await writeFile(`${path}.2`, record(1, 'one'));
    await writeFile(`${path}.1`, record(2, 'two'));
    await writeFile(path, record(3, 'three'));

    expect(await text(read())).toBe('one\ntwo\nthree\n');
    expect(await text(read({ tailLines: 2 }))).toBe('two\nthree\n');
    expect(await text(read({ sinceMs: Date.parse('2026-01-02T03:04:02Z') }))).toBe('two\nthree\n');
  });

  it('gives one of the outputs, and the last lines of that one', async () => {
    await writeFile(path, record(1, 'bad', { stream: 'stderr' }) + record(2, 'good') + record(3, 'good too'));

    expect(await text(read({ stream: 'stderr' }))).toBe('bad\n');
    expect(await text(read({ stream: 'stderr', tailLines: 1 }))).toBe('bad\n');
  });

  it('gives nothing of a log that is not there', async () => {
    expect(await text(read())).toBe('');
    expect(await text(read({ tailLines: 3 }))).toBe('');
  });

  it('follows over a rotation until nothing can come any more', async () => {
    isOpen = true;
    await writeFile(path, record(1, 'one'));
    const log = read({ follow: true });
    const seen: string[] = [];
    log.on('data', (chunk: Buffer) => seen.push(chunk.toString()));
    await expect.poll(() => seen.join('')).toBe('one\n');

    await appendFile(path, record(2, 'two'));
    await rename(path, `${path}.1`);
    await writeFile(path, record(3, 'three'));
    await expect.poll(() => seen.join('')).toBe('one\ntwo\nthree\n');
    isOpen = false;
    await appendFile(path, record(4, 'last'));

    await expect.poll(() => log.readableEnded).toBe(true);
    expect(seen.join('')).toBe('one\ntwo\nthree\nlast\n');
  });

  it('misses none of the files that were put aside while nobody looked', async () => {
    isOpen = true;
    await writeFile(path, record(1, 'one'));
    const log = read({ follow: true });
    const seen: string[] = [];
    log.on('data', (chunk: Buffer) => seen.push(chunk.toString()));
    await expect.poll(() => seen.join('')).toBe('one\n');

    // Without a pause in which they could be seen one by one.
    renameSync(path, `${path}.1`);
    for (const [at, words] of ['two', 'three', 'four'].entries()) {
      writeFileSync(path, record(at + 2, words));
      if (words === 'four') continue;
      for (const age of [3, 2, 1]) if (existsSync(`${path}.${age}`)) renameSync(`${path}.${age}`, `${path}.${age + 1}`);
      renameSync(path, `${path}.1`);
    }

    await expect.poll(() => seen.join('')).toBe('one\ntwo\nthree\nfour\n');
    log.destroy();
  });

  it('reads all of a log that is rotated while it is read slowly', async () => {
    const words = (name: string) => Array.from({ length: 3000 }, (_, at) => `${name} ${at} ${'x'.repeat(40)}`);
    const file = (name: string) => words(name).map((line) => record(1, line));
    await writeFile(`${path}.1`, file('old').join(''));
    await writeFile(path, file('new').join(''));
    const log = read();
    const chunks: string[] = [];
    const iterator = log[Symbol.asyncIterator]();
    chunks.push(String((await iterator.next()).value));

    for (const age of [1, 0]) await rename(age === 0 ? path : `${path}.${age}`, `${path}.${age + 1}`);
    await writeFile(path, record(2, 'later'));
    for await (const chunk of log) chunks.push(String(chunk));

    expect(chunks.join('').trimEnd().split('\n')).toEqual([...words('old'), ...words('new')]);
  });

  it('reads on behind a name that is free in the middle of a rotation', async () => {
    await writeFile(`${path}.2`, record(1, 'one'));
    await writeFile(path, record(2, 'two'));

    expect(await text(read())).toBe('one\ntwo\n');
  });

  it('stops when it is told to', async () => {
    isOpen = true;
    const controller = new AbortController();
    const aborted = read({ follow: true }, controller.signal);
    const destroyed = read({ follow: true });
    for (const log of [aborted, destroyed]) log.resume();

    controller.abort();
    destroyed.destroy();

    await expect.poll(() => [aborted.closed, destroyed.closed]).toEqual([true, true]);
  });

  it('finds the last lines wherever they begin', async () => {
    const lines = fc.array(fc.record({ size: fc.nat(40_000), pieces: fc.integer({ min: 1, max: 3 }) }), { maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(lines, fc.nat(14), async (wanted, tailLines) => {
        const texts = wanted.map(({ size, pieces }, at) =>
          Array.from({ length: pieces }, (_, piece) => `${at}.${piece}${'é'.repeat(size)}`),
        );
        const all = texts.map((pieces) =>
          pieces.map((words, at) => record(at, words, { tag: at === pieces.length - 1 ? 'F' : 'P' })).join(''),
        );
        await writeFile(path, all.join(''));

        const want = texts.slice(Math.max(0, texts.length - tailLines)).map((pieces) => `${pieces.join('')}\n`);
        expect((await text(read({ tailLines }))) === want.join('')).toBe(true);
      }),
      { numRuns: 40 },
    );
  });
});
