import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe } from 'vitest';
import { CHANGING } from '../kubectl/changing.ts';
import { CREATING } from '../kubectl/creating.ts';
import { EXTENDING } from '../kubectl/extending.ts';
import { OPERATING } from '../kubectl/operating.ts';
import { READING } from '../kubectl/reading.ts';
import { kubectlPath } from './lab.ts';
import { shellSuite, type ShellWorld } from './shell-suite.ts';
import { SimulatedWorld } from './simulated-world.ts';

/** What one does with kubectl and does not need real containers for. */
export function kubectlSuite(version: '1.20' | '1.35'): void {
  describe(`kubectl ${version}`, () => {
    let simulated: SimulatedWorld;
    let world: ShellWorld;

    beforeAll(async () => {
      const kubectl = await kubectlPath(version);
      simulated = await SimulatedWorld.up();
      world = simulated.shell([dirname(kubectl)], [join(import.meta.dirname, '../kubectl/files')]);
    });
    afterAll(() => simulated?.[Symbol.asyncDispose]());

    for (const table of [CREATING, CHANGING, READING, OPERATING, EXTENDING]) shellSuite(table, version, () => world);
  });
}
