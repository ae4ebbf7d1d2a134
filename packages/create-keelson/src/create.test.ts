import { spawnSync } from 'node:child_process';
import { appendFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { addApi, addWebhook, createProject, updateProject } from './create.ts';
import { namesOf } from './names.ts';
import { digestOf, readProject, writeProject } from './project.ts';

const ROOT = join(import.meta.dirname, '../../..');
let directory: string;
beforeEach(async () => {
  // Here, where the project finds the packages that npm would install.
  directory = await mkdtemp(join(import.meta.dirname, '../.created-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const names = namesOf({ project: 'disk-operator', kind: 'FastDisk', group: 'storage.example.com' });
const fileOf = (path: string): Promise<string> => readFile(join(directory, path), 'utf8');

function run(script: string, ...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(ROOT, 'node_modules', script), ...args], {
    cwd: directory,
    env: { ...process.env, VITEST: '' },
  });
  return `${status}\n${status === 0 ? '' : `${stdout.toString()}${stderr.toString()}`}`;
}

it('makes an operator that compiles and passes its tests, with what is added to it', async () => {
  const files = await createProject(directory, names);
  const added = await addApi(directory, { kind: 'SlowDisk' });
  // As the packages' sources, which need no build.
  const conditions = "['keelson-source', 'node', 'import', 'default']";
  const config = `export default { resolve: { conditions: ${conditions} }, ssr: { resolve: { conditions: ${conditions} } } };\n`;
  await writeFile(join(directory, 'vitest.config.mjs'), config);

  expect(files).toContain('src/fast-disk-webhooks.test.ts');
  expect(added.map(({ path, what }) => `${path} ${what}`)).toEqual([
    'src/apis.ts written',
    'src/slow-disk-controller.ts written',
    'src/slow-disk.test.ts written',
    'src/slow-disk.ts written',
  ]);
  // By the types that are published, so `tsc -b` has to have run.
  expect(run('typescript/bin/tsc')).toBe('0\n');
  // In one process, which loads the packages once.
  expect(run('vitest/vitest.mjs', 'run', '--root', directory, '--no-isolate', '--maxWorkers=1')).toBe('0\n');
});

it('prints manifests of what it is called', async () => {
  await createProject(directory, names);
  await addApi(directory, { kind: 'SlowDisk', group: 'slow.example.com' });
  const { stdout, stderr } = spawnSync(process.execPath, [
    '--conditions=keelson-source',
    join(directory, 'src/manifests.ts'),
    'all',
  ]);

  expect(stderr.toString()).toBe('');
  expect(stdout.toString()).toContain('name: fastdisks.storage.example.com');
  expect(stdout.toString()).toContain('name: slowdisks.slow.example.com');
  expect(stdout.toString()).toContain('image: disk-operator:0.1.0');
  expect(JSON.parse(await fileOf('package.json'))).toMatchObject({ name: 'disk-operator' });
});

it('leaves alone a directory with something in it', async () => {
  await mkdir(join(directory, 'src'));

  await expect(createProject(directory, names)).rejects.toMatchObject({ reason: 'AlreadyExists' });
});

it.each([
  { project: 'Disk Operator', kind: 'Disk', group: 'example.com', message: 'as the project' },
  { project: 'disk', kind: 'disk', group: 'example.com', message: 'as the kind' },
  { project: 'disk', kind: 'Operator', group: 'example.com', message: 'a file of that name' },
  { project: 'disk', kind: 'Disk', group: 'example', message: 'as the group' },
])('refuses names that Kubernetes or the project would: $message', ({ message, ...given }) => {
  expect(() => namesOf(given)).toThrow(message);
});

describe('a project that is there', () => {
  beforeEach(() => createProject(directory, names));

  /** As if an older version had written a file otherwise. */
  async function writtenByOlder(path: string, text: string): Promise<void> {
    const project = await readProject(directory);
    await writeFile(join(directory, path), text);
    await writeProject(directory, { ...project, written: { ...project.written, [path]: digestOf(text) } });
  }

  it('gets webhooks for a kind that has none', async () => {
    await addApi(directory, { kind: 'SlowDisk' });
    const changes = await addWebhook(directory, 'SlowDisk');

    expect(changes.map(({ path }) => path)).toEqual([
      'src/apis.ts',
      'src/slow-disk-webhooks.test.ts',
      'src/slow-disk-webhooks.ts',
    ]);
    expect(await fileOf('src/apis.ts')).toContain('[...fastDiskWebhooks, ...slowDiskWebhooks]');
  });

  it.each([
    { what: 'a kind that it has', add: () => addApi(directory, { kind: 'FastDisk' }), reason: 'AlreadyExists' },
    { what: 'webhooks that it has', add: () => addWebhook(directory, 'FastDisk'), reason: 'AlreadyExists' },
    { what: 'webhooks of a kind that it lacks', add: () => addWebhook(directory, 'SlowDisk'), reason: 'NotFound' },
    { what: 'a kind, if it is none', add: () => addApi(join(directory, 'src'), { kind: 'SlowDisk' }), reason: 'NotFound' },
  ])('refuses $what', async ({ add, reason }) => {
    await expect(add()).rejects.toMatchObject({ reason });
  });

  it('is not touched by an update that brings nothing', async () => {
    await appendFile(join(directory, 'src/fast-disk.ts'), '// mine\n');
    await rm(join(directory, 'src/fast-disk.test.ts'));

    expect(await updateProject(directory)).toEqual([{ path: 'src/fast-disk.test.ts', what: 'left out' }]);
    expect(await fileOf('src/fast-disk.ts')).toContain('// mine');
  });

  it('is brought up to date where nobody has edited it', async () => {
    const fresh = await fileOf('src/main.ts');
    await writtenByOlder('src/main.ts', '// old\n');

    expect(await updateProject(directory)).toEqual([{ path: 'src/main.ts', what: 'written' }]);
    expect(await fileOf('src/main.ts')).toBe(fresh);
    expect(await updateProject(directory)).toEqual([]);
  });

  it('keeps what was edited, and says what would be different', async () => {
    const fresh = await fileOf('src/main.ts');
    await writtenByOlder('src/main.ts', '// old\n');
    await writeFile(join(directory, 'src/main.ts'), fresh.replace("default: 'default'", "default: 'mine'"));

    expect(await updateProject(directory)).toEqual([
      {
        path: 'src/main.ts',
        what: 'kept',
        difference:
          "-     namespace: { type: 'string', default: 'mine' },\n+     namespace: { type: 'string', default: 'default' },\n",
      },
    ]);
    expect(await fileOf('src/main.ts')).toContain("default: 'mine'");
  });

  it('keeps a file of its own under the name of a new one', async () => {
    await writeFile(join(directory, 'src/slow-disk.ts'), '// mine\n');
    const changes = await addApi(directory, { kind: 'SlowDisk' });

    expect(changes.find(({ path }) => path === 'src/slow-disk.ts')).toMatchObject({ what: 'kept' });
    expect(await fileOf('src/slow-disk.ts')).toBe('// mine\n');
  });
});
