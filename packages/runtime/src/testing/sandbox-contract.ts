import { eventually } from '@keelson/base/testing';
import { describe, expect, it } from 'vitest';
import type { Harness } from './harness.ts';

export function describeSandboxes(harness: Harness): void {
  describe('sandboxes', () => {
    it('remembers whose a sandbox is', async () => {
      const config = harness.sandboxConfig({ attempt: 3 });

      const { id } = await harness.runtime.runSandbox(config);

      const listed = (await harness.runtime.listSandboxes()).find((sandbox) => sandbox.id === id);
      const { pod, attempt, labels, annotations } = config;
      expect(listed).toMatchObject({ id, pod, attempt, labels, annotations, state: 'ready' });
      expect(listed?.createdAtMs).toBeGreaterThan(0);
      expect(listed?.ips).toHaveLength(1);
    });

    it('puts a sandbox of the same pod and attempt in the place of an older one', async () => {
      const config = harness.sandboxConfig();
      const older = await harness.runtime.runSandbox(config);

      const newer = await harness.runtime.runSandbox(config);

      const ids = (await harness.runtime.listSandboxes()).filter(({ pod }) => pod.uid === config.pod.uid).map(({ id }) => id);
      expect(ids).toEqual([newer.id]);
      expect(newer.id).not.toBe(older.id);
    });

    it('gives pods addresses of their own', async () => {
      const one = await harness.runtime.runSandbox(harness.sandboxConfig());
      const two = await harness.runtime.runSandbox(harness.sandboxConfig());

      expect(one.ips).not.toEqual(two.ips);
    });

    it('gives none to a pod on the host network', async () => {
      const { ips } = await harness.runtime.runSandbox(harness.sandboxConfig({ hostNetwork: true }));

      expect(ips).toEqual([]);
    });

    it('kills what runs in a sandbox that is stopped, and may be stopped again', async () => {
      const { id, sandbox } = await harness.start(harness.programs.stubborn('main'));

      await harness.runtime.stopSandbox(sandbox.id);
      await harness.runtime.stopSandbox(sandbox.id);

      const listed = (await harness.runtime.listSandboxes()).find((each) => each.id === sandbox.id);
      expect(listed).toMatchObject({ state: 'not-ready', ips: [] });
      expect(await harness.runtime.containerStatus(id)).toMatchObject({ state: 'exited', exitCode: 137, reason: 'Error' });
    });

    it('removes a sandbox with its containers, and may be told to again', async () => {
      const { id, sandbox } = await harness.start(harness.programs.ending('main', 0, []));

      await harness.runtime.stopSandbox(sandbox.id);
      await harness.runtime.removeSandbox(sandbox.id);
      await harness.runtime.removeSandbox(sandbox.id);

      expect((await harness.runtime.listSandboxes()).filter((each) => each.id === sandbox.id)).toEqual([]);
      expect((await harness.runtime.listContainers()).filter((each) => each.id === id)).toEqual([]);
    });

    it('does nothing for a sandbox that is not there', async () => {
      await harness.runtime.stopSandbox('nobody');
      await harness.runtime.removeSandbox('nobody');
    });

    it('tells of a sandbox that has stopped', async () => {
      const { id, pod } = await harness.runtime.runSandbox(harness.sandboxConfig());

      await harness.runtime.stopSandbox(id);

      const isIt = (event: { type: string; podUid?: string }) => event.type === 'sandbox-stopped' && event.podUid === pod.uid;
      await eventually(() => harness.events.find(isIt));
    });
  });
}
