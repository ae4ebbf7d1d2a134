import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { generate, manifests } from './crd-commands.ts';

let directory: string;
beforeEach(async () => {
  // Here, where modules find the packages that they import.
  directory = await mkdtemp(join(import.meta.dirname, '.crd-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

it('prints what a module exports, and writes types of it again', async () => {
  const module = join(directory, 'disk.ts');
  await writeFile(
    module,
    `import { customResource } from '@keelson/crd';
import { z } from 'zod';
export const Disk = customResource({ group: 'example.com', kind: 'Disk', spec: z.object({ bytes: z.int() }) });
export const unrelated = 1;
`,
  );

  const yaml = await manifests([module]);
  await writeFile(join(directory, 'crd.yaml'), `# a comment\n${yaml}---\napiVersion: v1\nkind: ConfigMap\n`);
  const files = await generate([join(directory, 'crd.yaml')], join(directory, 'out'));

  expect(yaml).toContain('kind: CustomResourceDefinition\nmetadata:\n  name: disks.example.com\n');
  expect(files).toEqual([join(directory, 'out/example.com/disk-v1.ts')]);
  expect(await readFile(files[0] ?? '', 'utf8')).toContain('bytes: number;');
});

it.each([
  { title: 'no definition', text: 'kind: ConfigMap\n', message: 'There is no CustomResourceDefinition' },
  { title: 'no YAML', text: 'a: [\n', message: 'Cannot read' },
])('refuses a file with $title', async ({ text, message }) => {
  await writeFile(join(directory, 'crd.yaml'), text);

  await expect(generate([join(directory, 'crd.yaml')], directory)).rejects.toThrow(message);
});
