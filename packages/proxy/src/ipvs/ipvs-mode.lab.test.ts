import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { rolldown } from 'rolldown';
import { beforeAll, describe, expect, it } from 'vitest';
import { MODE_CASES } from '../testing/mode-cases.ts';
import { labObstacle } from '../testing/network-lab.ts';
import { IPVS } from '../testing/subjects.ts';

const ROOT = join(import.meta.dirname, '../../../..');
const VM = join(ROOT, 'tools/lab/vm');
/** Two minutes on a quiet machine, many times that on a busy one. */
const LIMIT_SECONDS = 900;

const obstacle = await labObstacle('qemu-system-x86_64', 'cpio', 'nft', 'conntrack');
if (obstacle && process.env['CI']) throw new Error(`These tests may not be left out in CI: ${obstacle}`);

interface Result {
  readonly title: string;
  readonly error?: string;
}

/** The kernel of this machine may have no IPVS, so an emulated one runs all cases, in one go. */
async function runInMachine(): Promise<{ readonly results: readonly Result[]; readonly log: string }> {
  await mkdir(join(ROOT, '.lab'), { recursive: true });
  const dir = await mkdtemp(join(ROOT, '.lab/ipvs-suite-'));
  try {
    const bundle = await rolldown({
      input: {
        main: join(import.meta.dirname, '../testing/vm-suite.ts'),
        agent: join(import.meta.dirname, '../testing/agent.ts'),
      },
      platform: 'node',
      resolve: { conditionNames: ['keelson-source', 'import', 'node', 'default'] },
      logLevel: 'silent',
    });
    await bundle.write({ dir, format: 'es' });
    await bundle.close();
    const args = ['run', '-t', String(LIMIT_SECONDS), process.execPath, join(dir, 'main.js')];
    // What is written to the current directory, and there alone, outlives the machine.
    const { stdout, stderr } = await promisify(execFile)(VM, args, { cwd: ROOT, timeout: (LIMIT_SECONDS + 60) * 1000 }).catch(
      // What ran before the machine failed tells which case it was.
      (error: unknown) => error as { stdout: string; stderr: string },
    );
    const lines = stdout.split('\n').filter((line) => line.startsWith('{') && line.endsWith('}'));
    return { results: lines.map((line) => JSON.parse(line) as Result), log: stderr };
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

describe.skipIf(obstacle !== '')(`ipvs, on real packets in an emulated machine${obstacle && ` (left out: ${obstacle})`}`, () => {
  let outcome: Awaited<ReturnType<typeof runInMachine>> = { results: [], log: '' };

  beforeAll(
    async () => {
      outcome = await runInMachine();
    },
    (LIMIT_SECONDS + 90) * 1000,
  );

  for (const { title } of MODE_CASES.filter((one) => IPVS.leftOut?.[one.title] === undefined)) {
    it(title, () => {
      const result = outcome.results.find((one) => one.title === title);

      expect(result?.error ?? (result ? '' : `it did not run: ${outcome.log}`)).toBe('');
    });
  }
});
