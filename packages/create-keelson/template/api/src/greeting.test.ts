import { findCondition } from '@keelson/api';
import { ConfigMap } from '@keelson/api/core/v1';
import { eventually } from '@keelson/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Greeting } from './greeting.ts';
import { startWorld } from './test-world.ts';

const at = (name: string) => ({ name, namespace: 'default' });

describe('a Greeting', () => {
  let world: Awaited<ReturnType<typeof startWorld>>;

  beforeAll(async () => {
    world = await startWorld();
  });
  afterAll(() => world.stop());

  const create = (name: string, text: string) =>
    world.cluster.client.resource(Greeting).create({ metadata: at(name), spec: { text } });
  const map = (name: string) => world.cluster.client.resource(ConfigMap).find(at(name));

  it('makes a ConfigMap, and makes it again', async () => {
    await create('a', 'hello');
    await eventually(async () => (await map('a'))?.data?.['text'] === 'hello');

    await world.cluster.client.resource(ConfigMap).delete(at('a'));

    await eventually(async () => (await map('a'))?.data?.['text'] === 'hello');
  });

  it('says when it is ready', async () => {
    await create('b', 'hello');

    const ready = await eventually(async () => {
      const { status } = await world.cluster.client.resource(Greeting).get(at('b'));
      return findCondition(status?.conditions, 'Ready');
    });

    expect(ready).toMatchObject({ status: 'True', reason: 'Applied' });
  });

  it('is refused without a text', async () => {
    await expect(create('c', '')).rejects.toThrow('spec.text');
  });
});
