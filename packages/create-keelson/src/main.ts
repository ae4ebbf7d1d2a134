#!/usr/bin/env node
import { basename, resolve } from 'node:path';
import { errorMessage } from '@keelson/base';
import { Command } from 'commander';
import { createProject } from './create.ts';
import { namesOf } from './names.ts';

const program = new Command('create-keelson')
  .description('Writes a new operator: custom resource, controller, webhooks, tests, manifests, Dockerfile')
  .argument('<directory>', 'where; it has to be empty')
  .option('--kind <Kind>', 'of the custom resource', 'Website')
  .option('--group <domain>', 'of the custom resource', 'example.com')
  .showHelpAfterError()
  .action(async (directory: string, { kind, group }: { readonly kind: string; readonly group: string }) => {
    const target = resolve(directory);
    const files = await createProject(target, namesOf({ project: basename(target), kind, group }));
    process.stdout.write(`${files.map((file) => `  ${file}\n`).join('')}\nNow:\n  cd ${directory}\n  npm install\n  npm test\n`);
  });

try {
  await program.parseAsync();
} catch (error) {
  process.stderr.write(`create-keelson: ${errorMessage(error)}\n`);
  process.exitCode = 1;
}
