import { describe, expect, it } from 'vitest';
import { RuntimeClass } from '@keelson/api/node/v1';
import { World } from './testing/world.ts';

describe('Kubelet: RuntimeClass', () => {
  it('gives a pod to the handler that its class names', async () => {
    await using world = await World.start();
    world.client.create(RuntimeClass, { metadata: { name: 'sealed' }, handler: 'kata' });

    world.createPod('a', { runtimeClassName: 'sealed' });
    await world.until(() => world.pod('a')?.status?.phase === 'Running');

    expect(world.runtime.journal).toContain('sandbox a by kata');
  });

  it('waits for a class that is not there, and says so', async () => {
    await using world = await World.start();
    world.createPod('a', { runtimeClassName: 'sealed' });
    await world.until(() => world.reasons('Pod').includes('FailedCreatePodSandBox'));

    world.client.create(RuntimeClass, { metadata: { name: 'sealed' }, handler: 'kata' });
    await world.advanceUntil(() => world.pod('a')?.status?.phase === 'Running');

    const { message } = world.events.find(({ reason }) => reason === 'FailedCreatePodSandBox') ?? {};
    expect(message).toBe('Failed to create pod sandbox: get runtime handler: RuntimeClass "sealed" not found');
  });
});

describe('Kubelet: user namespaces', () => {
  it('does not run a pod as the users of the machine that asks not to be', async () => {
    await using world = await World.start();
    world.createPod('a', { hostUsers: false });
    await world.until(() => world.reasons('Pod').includes('FailedCreatePodSandBox'));
    const { message } = world.events.find(({ reason }) => reason === 'FailedCreatePodSandBox') ?? {};
    expect(message).toBe('Failed to create pod sandbox: RuntimeClass handler "" does not support user namespaces');

    world.runtime.userNamespaces = true;

    // The runtime is asked what it can every half minute.
    await world.advanceUntil(() => world.pod('a')?.status?.phase === 'Running');
  });
});
