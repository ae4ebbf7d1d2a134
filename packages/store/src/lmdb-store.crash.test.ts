import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { CrashTest } from './testing/crash.ts';

it('loses no acknowledged commit and leaves none by half when it is killed at any time', async () => {
  const path = await mkdtemp(join(tmpdir(), 'keelson-crash-'));
  const crashes = new CrashTest(path);
  let acknowledged = 0;

  for (let round = 0; round < 10; round++) acknowledged += (await crashes.round(40 + 37 * round, round * 3)).acknowledged;
  await rm(path, { recursive: true, force: true });

  expect(acknowledged).toBeGreaterThan(10 * 40);
}, 120_000);
