import { Pod, type PodSpec } from '@keelson/api/core/v1';
import { RuntimeClass } from '@keelson/api/node/v1';
import { createClient, type Client } from '@keelson/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestApiServer } from '../testing.ts';

describe('RuntimeClass admission', () => {
  let api: Awaited<ReturnType<typeof startTestApiServer>>;
  let client: Client;
  let made = 0;
  const create = (spec: Partial<PodSpec>) =>
    client.resource(Pod).create({
      metadata: { name: `pod-${(made += 1)}`, namespace: 'default' },
      spec: { containers: [{ name: 'c', image: 'nginx' }], ...spec },
    });

  beforeAll(async () => {
    api = await startTestApiServer();
    client = createClient(api.transport);
    await client.resource(RuntimeClass).create({
      metadata: { name: 'boxed' },
      handler: 'box',
      overhead: { podFixed: { memory: '64Mi', cpu: '10m' } },
      scheduling: {
        nodeSelector: { boxes: 'yes' },
        tolerations: [{ key: 'boxes', operator: 'Exists', effect: 'NoSchedule' }],
      },
    });
    await client.resource(RuntimeClass).create({ metadata: { name: 'plain' }, handler: 'plain' });
  });
  afterAll(() => api.close());

  it('gives a pod what its class costs, and where it can run', async () => {
    const { spec } = await create({ runtimeClassName: 'boxed', nodeSelector: { disk: 'ssd' } });

    expect(spec?.overhead).toEqual({ memory: '64Mi', cpu: '10m' });
    expect(spec?.nodeSelector).toEqual({ boxes: 'yes', disk: 'ssd' });
    expect(spec?.tolerations).toContainEqual({ key: 'boxes', operator: 'Exists', effect: 'NoSchedule' });
  });

  it('adds nothing for a class that asks for nothing, or for no class', async () => {
    expect((await create({ runtimeClassName: 'plain' })).spec).not.toHaveProperty('overhead');
    expect((await create({})).spec).not.toHaveProperty('nodeSelector');
  });

  it.each([
    {
      title: 'a class that is not there',
      spec: { runtimeClassName: 'gone' },
      why: 'pod rejected: RuntimeClass "gone" not found',
    },
    {
      title: 'an overhead that is not the class’s',
      spec: { runtimeClassName: 'boxed', overhead: { memory: '1Mi' } },
      why: "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead",
    },
    {
      title: 'an overhead without a class',
      spec: { overhead: { memory: '1Mi' } },
      why: 'pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead',
    },
    {
      title: 'a node selector against the class’s',
      spec: { runtimeClassName: 'boxed', nodeSelector: { boxes: 'no' } },
      why: 'conflict: runtimeClass.scheduling.nodeSelector[boxes] = yes; pod.spec.nodeSelector[boxes] = no',
    },
  ])('refuses $title', async ({ spec, why }) => {
    await expect(create(spec)).rejects.toMatchObject({ reason: 'Forbidden', message: expect.stringContaining(why) });
  });
});
