import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { SCHEDULER_PLUGIN } from '@keelson/scheduler';
import { describe, expect, it } from 'vitest';
import { CheapNodes } from './cheap-nodes.ts';
import { startControlPlane } from './compose.ts';
import { placePods } from './placements.ts';

const COSTS = [3, 1, 2];

describe('the scheduler', () => {
  it('spreads pods over all nodes by itself', async () => {
    await using controlPlane = await startControlPlane();

    const placements = await placePods(controlPlane, COSTS, 3);

    expect([...placements.values()].toSorted()).toEqual(['node-1', 'node-2', 'node-3']);
  });

  it('fills cheap nodes first with CheapNodes', async () => {
    await using controlPlane = await startControlPlane((container) => {
      container.bind(SCHEDULER_PLUGIN).toConstantValue(new CheapNodes());
    });

    const placements = await placePods(controlPlane, COSTS, 6);

    expect([...placements.values()].toSorted()).toEqual([...Array<string>(4).fill('node-2'), 'node-3', 'node-3']);
  });

  it('runs as a program, and ends by itself', async () => {
    const main = join(import.meta.dirname, 'main.ts');
    const args = ['--conditions=keelson-source', main];
    const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 60_000 });

    expect(stdout).toContain('with CheapNodes\n  pod-1 -> node-2\n  pod-2 -> node-2\n  pod-3 -> node-2\n');
  });
});
