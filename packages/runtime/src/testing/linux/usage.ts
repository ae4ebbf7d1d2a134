import { eventually } from '@keelson/base/testing';
import { describe, expect } from 'vitest';
import { FOREVER } from '../configs.ts';
import { type Harness } from '../harness.ts';

const MI = 1024 * 1024;
/** Prints a mebibyte, in a few long lines: many short ones would take long to be written down. */
const PRINT = "for i in $(seq 64); do head -c 16383 /dev/zero | tr '\\0' x; echo; done";

export function describeUsage(harness: Harness): void {
  describe('usage', () => {
    harness.test('tells what a running container has written, beside its image and to its log', async () => {
      const write = `dd if=/dev/zero of=/file bs=${MI} count=3`;
      const { id, sandbox } = await harness.runScript(`${write}; ${PRINT}; ${FOREVER}`);
      const look = async () => harness.runtime.diskUsage?.(undefined, { podUid: sandbox.pod.uid });

      const [usage] = await eventually(async () => {
        const found = await look();
        return (found?.[0]?.writableLayer?.usedBytes ?? 0) >= 3 * MI && found;
      });
      await eventually(async () => ((await look())?.[0]?.logs?.usedBytes ?? 0) >= MI);

      expect(usage?.containerId).toBe(id);
      expect(usage?.writableLayer?.usedBytes).toBeLessThan(4 * MI);
    });

    harness.test('keeps as much of the log of a container as it is told', async () => {
      harness.runtime.limitLogs?.({ maxFileBytes: MI / 4, maxFiles: 2 });
      const { id, sandbox } = await harness.runScript(`${PRINT}; touch /done; ${FOREVER}`);
      harness.runtime.limitLogs?.({ maxFileBytes: 10 * MI, maxFiles: 5 });
      const look = async () => (await harness.runtime.diskUsage?.(undefined, { podUid: sandbox.pod.uid }))?.[0];
      await eventually(async () => (await harness.exitCodeOf(id, 'ls', '/done')) === 0);

      const usage = await eventually(async () => {
        const found = await look();
        return found?.logs?.inodesUsed === 2 && found;
      });

      expect(usage?.logs?.usedBytes).toBeLessThan((3 * MI) / 4);
    });

    harness.test('tells what has gone over the network of a pod, and nothing of pods on the host’s', async () => {
      const { id, sandbox } = await harness.runScript(FOREVER);
      const { sandbox: other } = await harness.runScript(FOREVER, { sandbox: { hostNetwork: true } });
      const inside = /eth0:\s*(\d+)/.exec(await harness.outputOf(id, 'cat', '/proc/net/dev'))?.[1];

      const found = await harness.runtime.networkUsage?.();

      const [main] = found?.find(({ sandboxId }) => sandboxId === sandbox.id)?.interfaces ?? [];
      expect(main).toMatchObject({ name: 'eth0', rxErrors: 0, txErrors: 0 });
      expect(main?.rxBytes).toBeGreaterThanOrEqual(Number(inside));
      expect(found?.map(({ sandboxId }) => sandboxId)).not.toContain(other.id);
    });
  });
}
