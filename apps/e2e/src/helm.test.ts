import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe } from 'vitest';
import { PACKAGING } from './helm/packaging.ts';
import { RELEASING } from './helm/releasing.ts';
import { kubectlPath } from './testing/lab.ts';
import { shellSuite, type ShellWorld } from './testing/shell-suite.ts';
import { SimulatedWorld } from './testing/simulated-world.ts';

describe('helm 4.1', () => {
  let simulated: SimulatedWorld;
  let world: ShellWorld;

  beforeAll(async () => {
    // Helm is beside it.
    const kubectl = await kubectlPath('1.35');
    simulated = await SimulatedWorld.up();
    world = simulated.shell(
      [dirname(kubectl)],
      ['helm/files', 'kubectl/files'].map((directory) => join(import.meta.dirname, directory)),
    );
  });
  afterAll(() => simulated?.[Symbol.asyncDispose]());

  shellSuite({ ...RELEASING, ...PACKAGING }, '4.1', () => world);
});
