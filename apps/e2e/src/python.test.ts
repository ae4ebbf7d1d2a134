import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe } from 'vitest';
import { PROGRAMS } from './python/programs.ts';
import { kubectlPath, withoutPython } from './testing/lab.ts';
import { shellSuite, type ShellWorld } from './testing/shell-suite.ts';
import { SimulatedWorld } from './testing/simulated-world.ts';

const title = 'kubernetes of Python 22.6';

describe.skipIf(withoutPython !== undefined)(withoutPython === undefined ? title : `${title} (${withoutPython})`, () => {
  let simulated: SimulatedWorld;
  let world: ShellWorld;

  beforeAll(async () => {
    simulated = await SimulatedWorld.up();
    world = simulated.shell([dirname(await kubectlPath('1.35'))], [join(import.meta.dirname, 'python')]);
  });
  afterAll(() => simulated?.[Symbol.asyncDispose]());

  shellSuite(PROGRAMS, '22.6', () => world);
});
