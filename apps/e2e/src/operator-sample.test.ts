import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { Keelson } from './testing/keelson.ts';
import { ROOT } from './testing/lab.ts';
import { run, start } from './testing/run.ts';

it("passes the sample operator's own tests against keelson up", async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'keelson-operator-'));
  const keelson = await Keelson.up(start, ['--runtime', 'sim', '--port', '0', '--data-dir', dataDir]);
  try {
    const node = join(ROOT, 'node_modules/.bin/node');
    const vitest = join(ROOT, 'node_modules/vitest/vitest.mjs');
    const env = { TEST_KUBECONFIG: keelson.kubeconfig, VITEST: '' };

    const { code, stdout, stderr } = await run(node, [vitest, 'run', '--root', ROOT, 'apps/operator-sample/src'], {
      env,
      timeoutMs: 300_000,
    });

    expect(`${code}\n${code === 0 ? '' : stdout + stderr}`).toBe('0\n');
    expect(stdout).toMatch(/Tests.*8 passed/);
  } finally {
    await keelson.stop();
    await rm(dataDir, { recursive: true, force: true });
  }
});
