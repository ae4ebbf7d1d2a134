import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Greeting } from './greeting.ts';
import { startWorld } from './test-world.ts';

const metadata = { name: 'a', namespace: 'default' };

describe('the webhooks of Greetings', () => {
  let world: Awaited<ReturnType<typeof startWorld>>;

  beforeAll(async () => {
    world = await startWorld();
  });
  afterAll(() => world.stop());

  it('set what is left open', async () => {
    const { spec } = await world.cluster.client.resource(Greeting).create({ metadata, spec: { text: '  hello  ' } });

    expect(spec.text).toBe('hello');
  });

  it('refuse what is not finished', async () => {
    const created = world.cluster.client.resource(Greeting).create({ metadata, spec: { text: 'TODO' } });

    await expect(created).rejects.toThrow('it has a TODO');
  });
});
