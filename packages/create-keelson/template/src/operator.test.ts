import { findCondition } from '@keelson/api';
import { CustomResourceDefinition } from '@keelson/api/apiextensions/v1';
import { ConfigMap } from '@keelson/api/core/v1';
import { silentLogger } from '@keelson/base';
import { createOperator, type RunningOperator } from '@keelson/controller-runtime';
import { eventually, startCluster, type TestCluster } from '@keelson/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { setUp } from './operator.ts';
import { Greeting } from './greeting.ts';

const at = (name: string) => ({ name, namespace: 'default' });

describe('the operator', () => {
  let cluster: TestCluster;
  let operator: RunningOperator;

  beforeAll(async () => {
    cluster = await startCluster({ nodes: 0, scheduler: false });
    const definitions = cluster.client.resource(CustomResourceDefinition);
    const { metadata } = await definitions.create(Greeting.definition());
    const name = metadata?.name ?? '';
    await eventually(
      async () => findCondition((await definitions.get({ name })).status?.conditions, 'Established')?.status === 'True',
    );
    operator = await createOperator({
      name: 'test',
      client: cluster.client,
      logger: silentLogger,
      setUp: (made) => setUp(made, { namespace: 'default', port: 0 }),
    });
    await operator.start(new AbortController().signal);
  });
  afterAll(async () => {
    await operator.stop();
    await cluster.close();
  });

  const create = (name: string, text: string) => cluster.client.resource(Greeting).create({ metadata: at(name), spec: { text } });
  const map = (name: string) => cluster.client.resource(ConfigMap).find(at(name));

  it('makes a ConfigMap, and makes it again', async () => {
    await create('a', '  hello  ');
    await eventually(async () => (await map('a'))?.data?.['text'] === 'hello');

    await cluster.client.resource(ConfigMap).delete(at('a'));

    await eventually(async () => (await map('a'))?.data?.['text'] === 'hello');
  });

  it('says when it is ready', async () => {
    await create('b', 'hello');

    const ready = await eventually(async () => {
      const { status } = await cluster.client.resource(Greeting).get(at('b'));
      return findCondition(status?.conditions, 'Ready');
    });

    expect(ready).toMatchObject({ status: 'True', reason: 'Applied' });
  });

  it.each([
    { title: 'nothing', text: '', message: 'spec.text' },
    { title: 'what is not finished', text: 'TODO', message: 'it has a TODO' },
  ])('refuses $title', async ({ text, message }) => {
    await expect(create('c', text)).rejects.toThrow(message);
  });
});
