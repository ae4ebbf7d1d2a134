import { K8s, kind } from 'pepr';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { parse } from 'yaml';
import { CRD, startTestServer, type TestServer } from '../test-server.ts';
import { deploy, startModule } from './deployed.ts';
import { Greeting } from './operator.ts';

const namespace = 'default';
let server: TestServer;
let stop: () => Promise<void>;

beforeAll(async () => {
  server = await startTestServer();
  process.env['KUBECONFIG'] = server.kubeconfig;
  await deploy(server.kubeconfig);
  await K8s(kind.CustomResourceDefinition).Apply(parse(CRD));
  await eventually(() => K8s(Greeting).Get());
  stop = await startModule(server.kubeconfig);
});
afterAll(async () => {
  await stop();
  await server.stop();
});

const eventually = <T>(look: () => Promise<T>) =>
  vi.waitUntil(() => look().catch(() => undefined), { timeout: 30_000, interval: 10 });
const create = (name: string, text = 'hello') => K8s(Greeting).Apply({ metadata: { name, namespace }, spec: { text } });
const map = (name: string) => K8s(kind.ConfigMap).InNamespace(namespace).Get(name);
const says = (name: string, text: string) => eventually(async () => (await map(name)).data?.['text'] === text);

it('makes a ConfigMap, and says that it is ready', async () => {
  await create('a');
  await says('a', 'hello');

  const status = await eventually(async () => (await K8s(Greeting).InNamespace(namespace).Get('a')).status);

  expect(status).toMatchObject({ observedGeneration: 1, conditions: [{ type: 'Ready', status: 'True' }] });
});

it('follows a change', async () => {
  await create('b');
  await says('b', 'hello');
  await create('b', 'bye');

  await says('b', 'bye');
});

it.each(['deleted', 'changed'])('puts back a ConfigMap that was %s', async (what) => {
  await create(what);
  await says(what, 'hello');
  const found = K8s(kind.ConfigMap, { name: what, namespace });
  if (what === 'deleted') await found.Delete();
  else await found.Patch([{ op: 'replace', path: '/data/text', value: 'other' }]);

  await says(what, 'hello');
});

it('takes the ConfigMap along when the Greeting goes', async () => {
  await create('c');
  await says('c', 'hello');
  await K8s(Greeting, { name: 'c', namespace }).Delete();

  await eventually(async () =>
    map('c').then(
      () => false,
      ({ status }) => status === 404,
    ),
  );
});
