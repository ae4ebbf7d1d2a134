import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openTables, type LmdbTables } from './lmdb-tables.ts';
import { formatOf, migrate, MIGRATIONS, type Migration } from './migrations.ts';

let path: string;
let tables: LmdbTables;

beforeEach(async () => {
  path = await mkdtemp(join(tmpdir(), 'keelson-migrations-'));
  tables = openTables(path, { durable: false });
});

afterEach(async () => {
  await tables.root.close();
  await rm(path, { recursive: true, force: true });
});

const step = (to: number, run: Migration['run']): Migration => ({ to, run });

it('a new file has the present format', () => {
  expect(tables.meta.get('format')).toBe(formatOf());
  expect(MIGRATIONS.map(({ to }) => to)).toEqual(MIGRATIONS.map((_, index) => index + 2));
});

it('takes an old file through each format to the present one, once', () => {
  const steps = [2, 3].map((to) => step(to, ({ meta }) => meta.putSync('revision', 10 * (meta.get('revision') ?? 0) + to)));
  tables.meta.putSync('format', 1);

  migrate(tables, steps);
  migrate(tables, steps);

  expect(tables.meta.get('format')).toBe(3);
  expect(tables.meta.get('revision')).toBe(123);
});

it('leaves a file as it was if a step fails', () => {
  tables.meta.putSync('format', 1);
  const steps = [
    step(2, ({ meta }) => meta.putSync('revision', 99)),
    step(3, () => {
      throw new Error('no');
    }),
  ];

  expect(() => migrate(tables, steps)).toThrow('no');

  expect([tables.meta.get('format'), tables.meta.get('revision')]).toEqual([1, 1]);
});

it('refuses a file of a newer format', () => {
  tables.meta.putSync('format', 4);

  expect(() => migrate(tables, [step(2, () => undefined)])).toThrow(
    'its format is 4, but this version knows only formats up to 2',
  );
});
