import { existsSync, renameSync, writeFileSync } from 'node:fs';
import { mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { closeAll, openLogFiles } from './log-files.ts';

/** More than are ever made here, so that none is dropped. */
const OLDEST = 32;

it('gives each file once and in order, however often they are rotated while it looks for them', async () => {
  const rotations = fc.array(fc.nat(3), { minLength: 1, maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(fc.nat(4), rotations, async (before, meanwhile) => {
      await using directory = await temporary();
      const path = join(directory.path, 'log');
      let files = 0;
      const times = [...meanwhile];
      const rotate = () => {
        for (let age = OLDEST; age >= 0; age -= 1)
          if (existsSync(named(path, age))) renameSync(named(path, age), named(path, age + 1));
        writeFileSync(path, String((files += 1)));
      };
      for (let time = 0; time <= before; time += 1) rotate();
      const openLate = async (name: string) => {
        for (let time = times.shift() ?? 0; time > 0; time -= 1) rotate();
        return await open(name);
      };

      const first = await openLogFiles(path, undefined, openLate);
      const then = await openLogFiles(path, first.at(-1), openLate);

      const seen = await Promise.all([...first, ...then].map(async (file) => Number(await readFile(file, 'utf8'))));
      expect(seen).toEqual(Array.from(seen, (_, at) => at + 1));
      await closeAll([...first, ...then]);
    }),
  );
});

function named(path: string, age: number): string {
  return age === 0 ? path : `${path}.${age}`;
}

async function temporary() {
  const path = await mkdtemp(join(tmpdir(), 'log-files-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) };
}
