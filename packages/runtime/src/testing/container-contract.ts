import { eventually } from '@keelson/base/testing';
import { describe, expect, it } from 'vitest';
import type { Harness } from './harness.ts';

export function describeContainers(harness: Harness): void {
  describe('containers', () => {
    it('does not run before it is started', async () => {
      const { id, sandbox } = await harness.create(harness.programs.patient('main'));

      const status = await harness.runtime.containerStatus(id);
      expect(status).toMatchObject({ id, sandboxId: sandbox.id, state: 'created', startedAtMs: 0, finishedAtMs: 0 });
    });

    it('remembers whose a container is', async () => {
      const sandbox = await harness.runtime.runSandbox(harness.sandboxConfig());
      const config = harness.containerConfig('main', { attempt: 4 });

      const id = await harness.runtime.createContainer(sandbox.id, config);

      const { name, attempt, labels, annotations, image } = config;
      const { pod } = sandbox;
      const listed = (await harness.runtime.listContainers()).find((container) => container.id === id);
      expect(listed).toMatchObject({ id, sandboxId: sandbox.id, pod, name, attempt, labels, annotations, image });
    });

    it('lists those of one pod', async () => {
      const one = await harness.create(harness.programs.patient('main'));
      const other = await harness.create(harness.programs.patient('main'));
      const only = { podUid: one.sandbox.pod.uid };

      const containers = (await harness.runtime.listContainers(undefined, only)).map(({ id }) => id);
      const sandboxes = (await harness.runtime.listSandboxes(undefined, only)).map(({ id }) => id);

      // A runtime may leave the filter out of account: what it must not do is leave out the pod.
      expect(containers).toContain(one.id);
      expect(sandboxes).toContain(one.sandbox.id);
      expect((await harness.runtime.listContainers()).map(({ id }) => id)).toEqual(expect.arrayContaining([one.id, other.id]));
    });

    it('runs once started', async () => {
      const { id } = await harness.start(harness.programs.patient('main'));

      const status = await harness.runtime.containerStatus(id);
      expect(status).toMatchObject({ state: 'running', finishedAtMs: 0 });
      expect(status.startedAtMs).toBeGreaterThanOrEqual(status.createdAtMs);
    });

    it.each([
      { exitCode: 0, reason: 'Completed' },
      { exitCode: 7, reason: 'Error' },
    ])('says how a process has ended: $exitCode is $reason', async ({ exitCode, reason }) => {
      const { id } = await harness.start(harness.programs.ending('main', exitCode, []));

      const status = await harness.ended(id);

      expect(status).toMatchObject({ state: 'exited', exitCode, reason });
      expect(status.finishedAtMs).toBeGreaterThanOrEqual(status.startedAtMs);
    });

    it('lets a process end by itself when it is told to stop', async () => {
      const { id } = await harness.start(harness.programs.patient('main'));

      await harness.runtime.stopContainer(id, 10);

      const { state, exitCode } = await harness.runtime.containerStatus(id);
      expect(state).toBe('exited');
      expect(exitCode).not.toBe(137);
    });

    it('kills a process that does not end in time', async () => {
      const { id } = await harness.start(harness.programs.stubborn('main'));

      await harness.runtime.stopContainer(id, 1);

      expect(await harness.runtime.containerStatus(id)).toMatchObject({ state: 'exited', exitCode: 137, reason: 'Error' });
    });

    it('lets a later stop with less grace overtake, and stops waiting when told to', async () => {
      const { id } = await harness.start(harness.programs.stubborn('main'));
      const controller = new AbortController();
      const first = harness.runtime.stopContainer(id, 600, controller.signal).catch((error: unknown) => error);

      await harness.runtime.stopContainer(id, 0);
      controller.abort(new Error('enough'));

      expect(await harness.runtime.containerStatus(id)).toMatchObject({ state: 'exited', exitCode: 137 });
      // It may have seen the end already.
      expect([undefined, controller.signal.reason]).toContain(await first);
    });

    it('does nothing for a container that has ended, or is not there', async () => {
      const { id } = await harness.start(harness.programs.ending('main', 3, []));
      await harness.ended(id);

      await harness.runtime.stopContainer(id, 10);
      await harness.runtime.stopContainer('nobody', 10);
      await harness.runtime.removeContainer('nobody');

      expect(await harness.runtime.containerStatus(id)).toMatchObject({ exitCode: 3 });
    });

    it('puts a container of the same name and attempt in the place of an older one, and keeps other attempts', async () => {
      const { id: older, sandbox } = await harness.create(harness.programs.patient('main'));

      const newer = await harness.runtime.createContainer(sandbox.id, harness.containerConfig('main'));
      const next = await harness.runtime.createContainer(sandbox.id, harness.containerConfig('main', { attempt: 1 }));

      const ids = (await harness.runtime.listContainers())
        .filter(({ sandboxId }) => sandboxId === sandbox.id)
        .map(({ id }) => id);
      expect(ids.toSorted()).toEqual([newer, next].toSorted());
      expect(ids).not.toContain(older);
    });

    it('removes a container', async () => {
      const { id } = await harness.start(harness.programs.stubborn('main'));

      await harness.runtime.removeContainer(id);
      await harness.runtime.removeContainer(id);

      await expect(harness.runtime.containerStatus(id)).rejects.toMatchObject({ reason: 'NotFound' });
    });

    it('does not know what was never there', async () => {
      const { runtime } = harness;

      await expect(runtime.containerStatus('nobody')).rejects.toMatchObject({ reason: 'NotFound' });
      await expect(runtime.startContainer('nobody')).rejects.toMatchObject({ reason: 'NotFound' });
      await expect(runtime.createContainer('nobody', harness.containerConfig('main'))).rejects.toMatchObject({
        reason: 'NotFound',
      });
      await expect(runtime.logs('nobody', { follow: false, timestamps: false })).rejects.toMatchObject({ reason: 'NotFound' });
    });

    it('tells of a start, an end and a removal, each after it has happened', async () => {
      const { id, sandbox } = await harness.start(harness.programs.patient('main'));
      const seen = (type: string) =>
        eventually(() => harness.events.find((event) => event.type === type && event.containerId === id));

      const started = await seen('container-started');
      await harness.runtime.stopContainer(id, 10);
      await seen('container-stopped');
      const { state } = await harness.runtime.containerStatus(id);
      await harness.runtime.removeContainer(id);
      await seen('container-deleted');

      expect(started.podUid).toBe(sandbox.pod.uid);
      expect(state).toBe('exited');
    });

    it('lists a container as ended as soon as its end is told', async () => {
      const { id } = await harness.create(harness.programs.ending('main', 0, []));
      const states: string[] = [];
      const subscription = harness.runtime.events$.subscribe(({ type, containerId }) => {
        if (type !== 'container-stopped' || containerId !== id) return;
        void harness.runtime
          .listContainers()
          .then((all) => states.push(all.find((container) => container.id === id)?.state ?? 'gone'));
      });

      await harness.runtime.startContainer(id);
      await eventually(() => states[0]);
      subscription.unsubscribe();

      expect(states).toEqual(['exited']);
    });
  });
}
