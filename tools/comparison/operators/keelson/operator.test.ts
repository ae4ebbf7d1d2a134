import { CustomResourceDefinition } from '@keelson/api/apiextensions/v1';
import { ConfigMap } from '@keelson/api/core/v1';
import { silentLogger } from '@keelson/base';
import { createOperator, type RunningOperator } from '@keelson/controller-runtime';
import { eventually, startCluster, type TestCluster } from '@keelson/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Greeting, setUp } from './operator.ts';

const at = (name: string) => ({ name, namespace: 'default' });
let cluster: TestCluster;
let operator: RunningOperator;

beforeAll(async () => {
  cluster = await startCluster({ nodes: 0, scheduler: false, controllers: ['garbage-collector-controller'] });
  await cluster.client.resource(CustomResourceDefinition).create(Greeting.definition());
  await eventually(() => cluster.client.resource(Greeting).list());
  operator = await createOperator({ name: 'test', client: cluster.client, logger: silentLogger, setUp });
  await operator.start(new AbortController().signal);
});
afterAll(async () => {
  await operator.stop();
  await cluster.close();
});

const greetings = () => cluster.client.resource(Greeting);
const maps = () => cluster.client.resource(ConfigMap);
const create = (name: string, text = 'hello') => greetings().create({ metadata: at(name), spec: { text } });
const says = (name: string, text: string) => eventually(async () => (await maps().find(at(name)))?.data?.['text'] === text);

it('makes a ConfigMap, and says that it is ready', async () => {
  await create('a');
  await says('a', 'hello');

  const status = await eventually(async () => (await greetings().get(at('a'))).status);

  expect(status).toMatchObject({ observedGeneration: 1, conditions: [{ type: 'Ready', status: 'True' }] });
});

it('follows a change', async () => {
  await create('b');
  await says('b', 'hello');
  await greetings().patch(at('b'), 'merge', { spec: { text: 'bye' } });

  await says('b', 'bye');
});

it.each(['deleted', 'changed'])('puts back a ConfigMap that was %s', async (what) => {
  await create(what);
  await says(what, 'hello');
  if (what === 'deleted') await maps().delete(at(what));
  else await maps().patch(at(what), 'merge', { data: { text: 'other' } });

  await says(what, 'hello');
});

it('takes the ConfigMap along when the Greeting goes', async () => {
  await create('c');
  await says('c', 'hello');
  await greetings().delete(at('c'));

  await eventually(async () => (await maps().find(at('c'))) === undefined);
});
