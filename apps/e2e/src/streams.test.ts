import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe } from 'vitest';
import { RELEASING_REAL } from './helm/releasing.ts';
import { STREAMING } from './kubectl/streaming.ts';
import { DockerWorld } from './testing/docker-world.ts';
import { kubectlPath, withoutRoot } from './testing/lab.ts';
import { shellSuite, type ShellWorld } from './testing/shell-suite.ts';

describe.skipIf(withoutRoot !== undefined)(withoutRoot ?? 'on Docker', () => {
  let docker: DockerWorld;
  beforeAll(async () => {
    docker = await DockerWorld.up('streams');
  });
  afterAll(() => docker?.[Symbol.asyncDispose]());

  describe.each(['1.20', '1.35'] as const)('kubectl %s', (version) => {
    let world: ShellWorld;
    beforeAll(async () => {
      world = docker.shell([dirname(await kubectlPath(version))], join(import.meta.dirname, 'kubectl/files'));
    });
    shellSuite(STREAMING, version, () => world);
  });

  describe('helm 4.1', () => {
    let world: ShellWorld;
    beforeAll(async () => {
      world = docker.shell([dirname(await kubectlPath('1.35'))], join(import.meta.dirname, 'helm/files'));
    });
    shellSuite(RELEASING_REAL, '4.1', () => world);
  });
});
