import { describe, expect } from 'vitest';
import { FOREVER, type Harness } from '../harness.ts';

const MI = 1024 * 1024;

export function describeUsage(harness: Harness): void {
  describe('usage', () => {
    harness.test('tells what a running container has written, beside its image and to its log', async () => {
      const written = `dd if=/dev/zero of=/file bs=${MI} count=3 && yes | head -c ${MI}`;
      const { id, sandbox } = await harness.runScript(`${written}; ${FOREVER}`);
      const look = async () => harness.runtime.diskUsage?.(undefined, { podUid: sandbox.pod.uid });

      const [usage] = await harness.until(async () => {
        const found = await look();
        return (found?.[0]?.writableLayer?.usedBytes ?? 0) >= 3 * MI ? found : undefined;
      }, 'what it has written');
      await harness.until(async () => ((await look())?.[0]?.logs?.usedBytes ?? 0) >= MI || undefined, 'its log');

      expect(usage?.containerId).toBe(id);
      expect(usage?.writableLayer?.usedBytes).toBeLessThan(4 * MI);
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
