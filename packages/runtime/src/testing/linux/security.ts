import { eventually } from '@keelson/base/testing';
import { beforeAll, describe, expect } from 'vitest';
import type { SandboxStatus } from '../../container-runtime.ts';
import { FOREVER } from '../configs.ts';
import { type Harness } from '../harness.ts';

export function describeSecurity(harness: Harness): void {
  describe('security', () => {
    let box: SandboxStatus;

    beforeAll(async () => {
      box = await harness.runtime.runSandbox(harness.sandboxConfig());
    });

    harness.test('runs a process as who it should be, with the rights it should have, and commands too', async () => {
      const { id } = await harness.runScript(`id; grep -E 'CapBnd|NoNewPrivs' /proc/self/status; ${FOREVER}`, {
        in: box,
        security: {
          user: '1000:3000',
          supplementalGroups: [2000],
          dropCapabilities: ['ALL'],
          noNewPrivileges: true,
          readOnlyRootFilesystem: true,
        },
      });
      const own = await eventually(async () => {
        const log = await harness.logOf(id);
        return log.includes('NoNewPrivs') ? log : undefined;
      });

      const status = await harness.outputOf(id, 'cat', '/proc/self/status');
      for (const text of [own, `${await harness.outputOf(id, 'id')}\n${status}`]) {
        expect(text).toMatch(/^uid=1000 gid=3000 groups=(3000,)?2000(,3000)?$/m);
        expect(text).toMatch(/^CapBnd:\s+0000000000000000$/m);
        expect(text).toMatch(/^NoNewPrivs:\s+1$/m);
      }
      expect(await harness.exitCodeOf(id, 'touch', '/x')).toBe(1);
    });

    harness.test('knows users and groups by the names that the image has for them', async () => {
      const { id } = await harness.runScript(FOREVER, { in: box, security: { user: 'www-data' } });

      expect(await harness.outputOf(id, 'id')).toMatch(/^uid=33\(www-data\) gid=33\(www-data\)/);
    });

    harness.test('refuses a user that the image does not have', async () => {
      const create = async () => {
        const id = await harness.runtime.createContainer(
          box.id,
          harness.scriptConfig(FOREVER, { security: { user: 'nobody-knows' } }),
        );
        await harness.runtime.startContainer(id);
      };

      await expect(create()).rejects.toThrow('nobody-knows');
    });

    harness.test('gives the usual capabilities, and those that are asked for', async () => {
      const bounding = async (security: object) => {
        const { id } = await harness.runScript(FOREVER, { in: box, security });
        const [, bits = '0'] = /^CapBnd:\s+(\w+)$/m.exec(await harness.outputOf(id, 'cat', '/proc/1/status')) ?? [];
        return BigInt(`0x${bits}`);
      };
      const NET_ADMIN = 1n << 12n;
      const CHOWN = 1n;
      const KILL = 1n << 5n;

      const usual = await bounding({});
      const changed = await bounding({ addCapabilities: ['NET_ADMIN'], dropCapabilities: ['CHOWN'] });
      const single = await bounding({ addCapabilities: ['KILL'], dropCapabilities: ['ALL'] });

      expect(usual).toBe(0xa80425fbn);
      expect(changed).toBe((usual | NET_ADMIN) & ~CHOWN);
      expect(single).toBe(KILL);
    });

    harness.test('gives a privileged container what this machine has to give', async () => {
      const { id } = await harness.runScript(FOREVER, { in: box, security: { privileged: true } });

      expect(await harness.exitCodeOf(id, 'mount', '-t', 'tmpfs', 'none', '/tmp')).toBe(0);
      expect(await harness.exitCodeOf(id, 'sh', '-c', 'echo 1 > /proc/sys/net/ipv4/ip_forward')).toBe(0);
    });

    harness.test('keeps others from what is not theirs', async () => {
      const { id } = await harness.runScript(FOREVER, { in: box });

      expect(await harness.exitCodeOf(id, 'mount', '-t', 'tmpfs', 'none', '/tmp')).not.toBe(0);
      expect(await harness.exitCodeOf(id, 'sh', '-c', 'echo 1 > /proc/sys/net/ipv4/ip_forward')).not.toBe(0);
      expect(await harness.exitCodeOf(id, 'sh', '-c', 'echo b > /proc/sysrq-trigger')).not.toBe(0);
      expect(await harness.outputOf(id, 'sh', '-c', 'mknod /tmp/disk b 254 0; head -c 1 /tmp/disk 2>&1')).toMatch(
        /not permitted/i,
      );
    });

    harness.test('filters system calls by the default profile, or not at all', async () => {
      const modeOf = async (seccompProfile: string) => {
        const { id } = await harness.runScript(FOREVER, { in: box, security: { seccompProfile } });
        return /^Seccomp:\s+(\d)$/m.exec(await harness.outputOf(id, 'cat', '/proc/1/status'))?.[1];
      };

      expect(await modeOf('RuntimeDefault')).toBe('2');
      expect(await modeOf('Unconfined')).toBe('0');
    });

    harness.test('refuses a seccomp profile that it cannot find', async () => {
      const config = harness.scriptConfig(FOREVER, { security: { seccompProfile: 'mine.json' } });

      await expect(harness.runtime.createContainer(box.id, config)).rejects.toMatchObject({ reason: 'BadRequest' });
    });
  });
}
