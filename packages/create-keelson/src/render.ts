import { readdir, readFile } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import { namesOf, variableOf, type Names } from './names.ts';
import type { Project } from './project.ts';

/** A project of Greetings, complete and tested as it stands, but for `src/apis.ts`: what is of the project, of each API, and of its webhooks. */
const TEMPLATE = join(import.meta.dirname, '../template');
/** npm leaves out or renames files with a dot. */
const DOTTED = new Set(['gitignore', 'dockerignore']);

/** All files of a project as this version writes them, by path. */
export async function render({ project, apis }: Project): Promise<ReadonlyMap<string, string>> {
  const files = new Map<string, string>();
  const named = apis.map((api) => ({ ...api, names: namesOf({ ...api, project }) }));
  const [first] = named;
  if (first) await renderInto(files, 'project', first.names);
  for (const { names, webhooks } of named) {
    await renderInto(files, 'api', names);
    if (webhooks) await renderInto(files, 'webhook', names);
  }
  files.set('src/apis.ts', registryOf(named));
  return files;
}

async function renderInto(files: Map<string, string>, part: 'project' | 'api' | 'webhook', names: Names): Promise<void> {
  const root = join(TEMPLATE, part);
  for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const source = join(entry.parentPath, entry.name);
    const path = rename(relative(root, source), names);
    const name = DOTTED.has(basename(path)) ? `.${basename(path)}` : basename(path);
    files.set(join(dirname(path), name), rename(await readFile(source, 'utf8'), names));
  }
}

/** What is called after Greetings, called after the new kind. */
function rename(text: string, { project, kind, file, plural, group }: Names): string {
  return text
    .replaceAll('greeting-operator', project)
    .replaceAll('greetings', plural)
    .replaceAll(/greeting(?=[A-Z])/g, variableOf(kind))
    .replaceAll('greeting', file)
    .replaceAll('Greeting', kind)
    .replaceAll('example.com', group);
}

/** Of the project that is written, not of this package. */
const RUNTIME = `'@keelson/controller-runtime'`;
const WEBHOOKS = `'@keelson/controller-runtime/webhooks'`;

/** `src/apis.ts`: the one file that knows what there is. */
function registryOf(apis: readonly { readonly names: Names; readonly webhooks: boolean }[]): string {
  const named = apis.map(({ names: { kind, file }, webhooks }) => ({ kind, file, webhooks, variable: variableOf(kind) }));
  const asked = named.filter(({ webhooks }) => webhooks);
  const imports = named.flatMap(({ kind, file, variable, webhooks }) => [
    `import { ${kind} } from './${file}.ts';`,
    `import { ${variable}Controller } from './${file}-controller.ts';`,
    ...(webhooks ? [`import { ${variable}Webhooks } from './${file}-webhooks.ts';`] : []),
  ]);
  return `// What the operator is made of, out of keelson.json: \`npm create keelson add api\` and \`update\` write it anew.
import type { Clock } from '@keelson/base';
import type { Operator } from ${RUNTIME};
import type { AdmissionWebhook } from ${WEBHOOKS};
${imports.join('\n')}

export const definitions = [${named.map(({ kind }) => `${kind}.definition()`).join(', ')}];

export const admission: readonly AdmissionWebhook[] = [${asked.map(({ variable }) => `...${variable}Webhooks`).join(', ')}];

/** As declarations, from which rights follow. */
export const controllers = (world: { readonly clock: Clock }) => [${named.map(({ variable }) => `${variable}Controller(world)`).join(', ')}];

export function addControllers(operator: Operator): void {
${named.map(({ variable }) => `  operator.control(${variable}Controller(operator));\n`).join('')}}
`;
}
