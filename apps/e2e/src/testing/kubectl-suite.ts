import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe } from 'vitest';
import { CHANGING } from '../kubectl/changing.ts';
import { CREATING } from '../kubectl/creating.ts';
import { OPERATING } from '../kubectl/operating.ts';
import { READING } from '../kubectl/reading.ts';
import { Keelson } from './keelson.ts';
import { kubectlPath } from './lab.ts';
import { start } from './run.ts';
import { shellSuite, type ShellWorld } from './shell-suite.ts';

/** What one does with kubectl and does not need real containers for, on one cluster of three simulated nodes. */
export function kubectlSuite(version: '1.20' | '1.35'): void {
  describe(`kubectl ${version}`, () => {
    let keelson: Keelson;
    let world: ShellWorld;

    beforeAll(async () => {
      const scratch = await mkdtemp(join(tmpdir(), 'keelson-kubectl-'));
      const flags = ['--runtime', 'sim', '--nodes', '3', '--port', '0', '--store', 'memory', '--data-dir', join(scratch, 'data')];
      const [kubectl, up] = await Promise.all([kubectlPath(version), Keelson.up(start, flags)]);
      keelson = up;
      const files = join(import.meta.dirname, '../kubectl/files');
      world = { kubeconfig: up.kubeconfig, scratch, programs: [dirname(kubectl)], files };
    });
    afterAll(async () => {
      await keelson?.stop();
      if (world) await rm(world.scratch, { recursive: true, force: true });
    });

    for (const table of [CREATING, CHANGING, READING, OPERATING]) shellSuite(table, version, () => world);
  });
}
