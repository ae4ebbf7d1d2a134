import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe } from 'vitest';
import { COPYING } from './client-node/copying.ts';
import { RELEASING_REAL } from './helm/releasing.ts';
import { STREAMING } from './kubectl/streaming.ts';
import { PROGRAMS_REAL } from './python/programs.ts';
import { DockerWorld } from './testing/docker-world.ts';
import { kubectlPath, withoutPython, withoutRoot } from './testing/lab.ts';
import type { CaseTable } from './testing/shell-case.ts';
import { shellSuite, type ShellWorld } from './testing/shell-suite.ts';

describe.skipIf(withoutRoot !== undefined)(withoutRoot ?? 'on Docker', () => {
  let docker: DockerWorld;
  beforeAll(async () => {
    docker = await DockerWorld.up('streams');
  });
  afterAll(() => docker?.[Symbol.asyncDispose]());

  const files = (directory: string): string => join(import.meta.dirname, directory);
  const suite = (table: CaseTable, version: string, kubectl: '1.20' | '1.35', directory: string): void => {
    let world: ShellWorld;
    beforeAll(async () => {
      world = docker.shell([dirname(await kubectlPath(kubectl)), files('client-node/programs')], [files(directory)]);
    });
    shellSuite(table, version, () => world);
  };

  describe.each(['1.20', '1.35'] as const)('kubectl %s', (version) => suite(STREAMING, version, version, 'kubectl/files'));
  describe('helm 4.1', () => suite(RELEASING_REAL, '4.1', '1.35', 'helm/files'));
  describe('@kubernetes/client-node 2.0', () => suite(COPYING, '2.0', '1.35', 'kubectl/files'));
  describe.skipIf(withoutPython !== undefined)(withoutPython ?? 'kubernetes of Python 22.6', () =>
    suite(PROGRAMS_REAL, '22.6', '1.35', 'python'),
  );
});
