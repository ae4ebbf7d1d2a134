import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createProject } from './create.ts';
import { namesOf } from './names.ts';

const ROOT = join(import.meta.dirname, '../../..');
let directory: string;
beforeEach(async () => {
  // Here, where the project finds the packages that npm would install.
  directory = await mkdtemp(join(import.meta.dirname, '../.created-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const names = namesOf({ project: 'disk-operator', kind: 'FastDisk', group: 'storage.example.com' });

function run(script: string, ...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(ROOT, 'node_modules', script), ...args], {
    cwd: directory,
    env: { ...process.env, VITEST: '' },
  });
  return `${status}\n${status === 0 ? '' : `${stdout.toString()}${stderr.toString()}`}`;
}

it('makes an operator that compiles and passes its tests', async () => {
  const files = await createProject(directory, names);
  // As the packages' sources, which need no build.
  const conditions = "['keelson-source', 'node', 'import', 'default']";
  const config = `export default { resolve: { conditions: ${conditions} }, ssr: { resolve: { conditions: ${conditions} } } };\n`;
  await writeFile(join(directory, 'vitest.config.mjs'), config);

  expect(files).toContain('src/fast-disk-controller.ts');
  // By the types that are published, so `tsc -b` has to have run.
  expect(run('typescript/bin/tsc')).toBe('0\n');
  expect(run('vitest/vitest.mjs', 'run', '--root', directory, '--testTimeout=60000', '--hookTimeout=60000')).toBe('0\n');
});

it('prints manifests of what it is called', async () => {
  await createProject(directory, names);
  const { stdout, stderr } = spawnSync(process.execPath, ['--conditions=keelson-source', join(directory, 'src/manifests.ts')]);

  expect(stderr.toString()).toBe('');
  expect(stdout.toString()).toContain('name: fastdisks.storage.example.com');
  expect(stdout.toString()).toContain('kind: ClusterRoleBinding');
  expect(JSON.parse(await readFile(join(directory, 'package.json'), 'utf8'))).toMatchObject({ name: 'disk-operator' });
});

it('leaves alone a directory with something in it', async () => {
  await mkdir(join(directory, 'src'));

  await expect(createProject(directory, names)).rejects.toMatchObject({ reason: 'AlreadyExists' });
});

it.each([
  { project: 'Disk Operator', kind: 'Disk', group: 'example.com', message: 'as the project' },
  { project: 'disk', kind: 'disk', group: 'example.com', message: 'as the kind' },
  { project: 'disk', kind: 'Disk', group: 'example', message: 'as the group' },
])('refuses names that Kubernetes would: $message', ({ message, ...given }) => {
  expect(() => namesOf(given)).toThrow(message);
});
