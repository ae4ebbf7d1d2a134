import { mkdir, readdir } from 'node:fs/promises';
import { KeelsonError } from '@keelson/base';
import { bring, type Change } from './bring.ts';
import { namesOf, type Names } from './names.ts';
import { readProject, type Api } from './project.ts';

/** Writes a new operator into a directory, which must be empty or not there. Gives the files, sorted. */
export async function createProject(directory: string, { project, kind, group }: Names): Promise<readonly string[]> {
  await mkdir(directory, { recursive: true });
  const present = await readdir(directory);
  if (present.some((name) => name !== '.git'))
    throw new KeelsonError('AlreadyExists', `Cannot create a project in "${directory}": it is not empty`);
  const changes = await bring(directory, { project, apis: [{ kind, group, webhooks: true }] }, {});
  return [...changes.map(({ path }) => path), 'keelson.json'].toSorted();
}

/** Adds a custom resource with its controller and tests. `group`: that of the first one if absent. */
export async function addApi(directory: string, { kind, group }: Partial<Api> & Pick<Api, 'kind'>): Promise<readonly Change[]> {
  const { project, apis, written } = await readProject(directory);
  const api = { kind, group: group ?? apis[0]?.group ?? '', webhooks: false };
  const { file } = namesOf({ ...api, project });
  const twin = apis.find((other) => namesOf({ ...other, project }).file === file);
  if (twin)
    throw new KeelsonError(
      'AlreadyExists',
      `Cannot add ${kind}: the project has ${twin.kind} of ${twin.group}, whose files have the same names`,
    );
  return bring(directory, { project, apis: [...apis, api] }, written);
}

/** Adds webhooks to a custom resource that is there. */
export async function addWebhook(directory: string, kind: string): Promise<readonly Change[]> {
  const { project, apis, written } = await readProject(directory);
  const api = apis.find((each) => each.kind === kind);
  if (!api)
    throw new KeelsonError(
      'NotFound',
      `Cannot add webhooks: the project has no ${kind}, but ${apis.map((each) => each.kind).join(', ')}`,
    );
  if (api.webhooks) throw new KeelsonError('AlreadyExists', `Cannot add webhooks: ${kind} has them`);
  return bring(directory, { project, apis: apis.map((each) => (each === api ? { ...api, webhooks: true } : each)) }, written);
}

/** Brings a project to what this version writes. What was edited by hand stays, and is told apart. */
export async function updateProject(directory: string): Promise<readonly Change[]> {
  const { project, apis, written } = await readProject(directory);
  return bring(directory, { project, apis }, written);
}
