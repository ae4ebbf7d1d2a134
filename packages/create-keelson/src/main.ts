#!/usr/bin/env node
import { basename, resolve } from 'node:path';
import { errorMessage } from '@keelson/base';
import { Argument, Command } from 'commander';
import type { Change } from './bring.ts';
import { addApi, addWebhook, createProject, updateProject } from './create.ts';
import { namesOf } from './names.ts';

const print = (text: string): void => void process.stdout.write(text);

/** Files that were written by their paths; what was not, with the reason. */
function report(changes: readonly Change[]): void {
  if (changes.length === 0) print('Nothing has changed\n');
  for (const change of changes) {
    if (change.what === 'written') print(`  ${change.path}\n`);
    else if (change.what === 'left out') print(`  ${change.path} was deleted, and is left out\n`);
    else print(`  ${change.path} was edited, and is left as it is; this would be different:\n${indented(change.difference)}`);
  }
}

const indented = (text: string): string => text.replaceAll(/^(?=.)/gm, '      ');

const program = new Command('create-keelson')
  .description('Writes operators: custom resources, controllers, webhooks, tests, manifests, Dockerfile')
  .showHelpAfterError();

program
  .command('new <directory>', { isDefault: true })
  .description('writes a new operator into a directory, which has to be empty')
  .option('--kind <Kind>', 'of the custom resource', 'Website')
  .option('--group <domain>', 'of the custom resource', 'example.com')
  .action(async (directory: string, { kind, group }: { readonly kind: string; readonly group: string }) => {
    const target = resolve(directory);
    const files = await createProject(target, namesOf({ project: basename(target), kind, group }));
    print(`${files.map((file) => `  ${file}\n`).join('')}\nNow:\n  cd ${directory}\n  npm install\n  npm test\n`);
  });

program
  .command('add')
  .description(
    'adds to the operator in this directory: another custom resource with its controller, or webhooks to one that is there',
  )
  .addArgument(new Argument('<what>').choices(['api', 'webhook']))
  .requiredOption('--kind <Kind>', 'of the custom resource')
  .option('--group <domain>', 'of a new custom resource; that of the first one if absent')
  .option('--directory <path>', 'of the project', '.')
  .action(
    async (what: 'api' | 'webhook', options: { readonly kind: string; readonly group?: string; readonly directory: string }) => {
      const { kind, group, directory } = options;
      report(
        await (what === 'api'
          ? addApi(resolve(directory), { kind, ...(group && { group }) })
          : addWebhook(resolve(directory), kind)),
      );
    },
  );

program
  .command('update')
  .description(
    'brings the operator in this directory to what this version writes; what was edited stays, and the difference is told',
  )
  .option('--directory <path>', 'of the project', '.')
  .action(async ({ directory }: { readonly directory: string }) => report(await updateProject(resolve(directory))));

try {
  await program.parseAsync();
} catch (error) {
  process.stderr.write(`create-keelson: ${errorMessage(error)}\n`);
  process.exitCode = 1;
}
