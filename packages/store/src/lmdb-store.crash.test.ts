import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { CrashTest } from './testing/crash.test.support.ts';

/** More rounds for a longer search: see tools/bench/store/crash.ts. */
const rounds = Number(process.env['KEELSON_CRASH_ROUNDS'] ?? 10);

it(
  'loses no acknowledged commit and leaves none by half when it is killed at any time',
  { timeout: 60_000 + rounds * 10_000 },
  async () => {
    const path = await mkdtemp(join(tmpdir(), 'keelson-crash-'));
    const crashes = new CrashTest(path);
    let acknowledged = 0;

    for (let round = 0; round < rounds; round++) {
      acknowledged += (await crashes.round(40 + ((37 * round) % 400), (round * 3) % 50)).acknowledged;
    }
    await rm(path, { recursive: true, force: true });

    expect(acknowledged).toBeGreaterThan(rounds * 40);
  },
);
