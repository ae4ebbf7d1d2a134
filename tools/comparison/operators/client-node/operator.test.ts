import {
  ApiextensionsV1Api,
  CoreV1Api,
  CustomObjectsApi,
  KubeConfig,
  loadYaml,
  PatchStrategy,
  setHeaderOptions,
} from '@kubernetes/client-node';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { CRD, startTestServer, type TestServer } from '../test-server.ts';
import { GREETINGS, GreetingOperator, type Greeting } from './operator.ts';

const MERGE = setHeaderOptions('Content-Type', PatchStrategy.MergePatch);
const namespace = 'default';
let server: TestServer;
let core: CoreV1Api;
let custom: CustomObjectsApi;
let operator: GreetingOperator;

beforeAll(async () => {
  server = await startTestServer();
  const config = new KubeConfig();
  config.loadFromFile(server.kubeconfig);
  core = config.makeApiClient(CoreV1Api);
  custom = config.makeApiClient(CustomObjectsApi);
  await config.makeApiClient(ApiextensionsV1Api).createCustomResourceDefinition({ body: loadYaml(CRD) });
  await eventually(() => custom.listClusterCustomObject(GREETINGS));
  operator = new GreetingOperator(config);
  await operator.start();
});
afterAll(async () => {
  await operator.stop();
  await server.stop();
});

const eventually = <T>(look: () => Promise<T>) =>
  vi.waitUntil(() => look().catch(() => undefined), { timeout: 30_000, interval: 10 });
const get = async (name: string) => (await custom.getNamespacedCustomObject({ ...GREETINGS, namespace, name })) as Greeting;
const create = (name: string) => {
  const body = { apiVersion: 'example.com/v1', kind: 'Greeting', metadata: { name }, spec: { text: 'hello' } };
  return custom.createNamespacedCustomObject({ ...GREETINGS, namespace, body });
};
const map = (name: string) => core.readNamespacedConfigMap({ name, namespace });
const says = (name: string, text: string) => eventually(async () => (await map(name)).data?.['text'] === text);

it('makes a ConfigMap, and says that it is ready', async () => {
  await create('a');
  await says('a', 'hello');

  const status = await eventually(async () => (await get('a')).status);

  expect(status).toMatchObject({ observedGeneration: 1, conditions: [{ type: 'Ready', status: 'True' }] });
});

it('follows a change', async () => {
  await create('b');
  await says('b', 'hello');
  await custom.patchNamespacedCustomObject({ ...GREETINGS, namespace, name: 'b', body: { spec: { text: 'bye' } } }, MERGE);

  await says('b', 'bye');
});

it.each(['deleted', 'changed'])('puts back a ConfigMap that was %s', async (what) => {
  await create(what);
  await says(what, 'hello');
  if (what === 'deleted') await core.deleteNamespacedConfigMap({ name: what, namespace });
  else await core.patchNamespacedConfigMap({ name: what, namespace, body: { data: { text: 'other' } } }, MERGE);

  await says(what, 'hello');
});

it('takes the ConfigMap along when the Greeting goes', async () => {
  await create('c');
  await says('c', 'hello');
  await custom.deleteNamespacedCustomObject({ ...GREETINGS, namespace, name: 'c' });

  await eventually(async () =>
    map('c').then(
      () => false,
      ({ code }) => code === 404,
    ),
  );
});
