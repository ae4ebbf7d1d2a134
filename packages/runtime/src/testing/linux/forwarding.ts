import { eventually } from '@keelson/base/testing';
import { buffer, text } from 'node:stream/consumers';
import { beforeAll, describe, expect, it } from 'vitest';
import type { SandboxStatus } from '../../container-runtime.ts';
import type { Harness } from '../harness.ts';

export function describeForwarding(harness: Harness): void {
  describe('port-forward', () => {
    let box: SandboxStatus;
    /** To a web server that has just been told to start. */
    const connect = (port: number) => eventually(() => harness.runtime.portForward(box.id, port).catch(() => undefined));

    beforeAll(async () => {
      // Some runtimes take IPv6 away from networks that have none.
      const sysctls = { 'net.ipv6.conf.lo.disable_ipv6': '0' };
      box = await harness.runtime.runSandbox(harness.sandboxConfig({ sysctls }));
    });

    it.each([
      { address: '127.0.0.1', port: 7001 },
      { address: '[::1]', port: 7002 },
      { address: '0.0.0.0', port: 7003 },
    ])('reaches what listens on $address, both ways, to either end', async ({ address, port }) => {
      await harness.runScript(`exec httpd -f -p ${address}:${port} -h /etc`, { in: box });

      const connection = await connect(port);
      connection.end('GET /group HTTP/1.0\r\n\r\n');

      expect(await text(connection)).toMatch(/^HTTP\/1\.[01] 200[^]*root:x:0:/);
    });

    harness.test('brings what the pod says first, and its end', async () => {
      await harness.runScript('while true; do echo welcome | nc -l -p 7006; done', { in: box });

      const connection = await connect(7006);

      expect(await text(connection)).toBe('welcome\n');
      connection.destroy();
    });

    harness.test('says so if nobody listens', async () => {
      const refused = 'failed to connect to localhost:7999 inside the pod: connection refused';

      await expect(harness.runtime.portForward(box.id, 7999)).rejects.toThrow(refused);
    });

    harness.test('does not know a sandbox that is not there', async () => {
      await expect(harness.runtime.portForward('nobody', 80)).rejects.toMatchObject({ reason: 'NotFound' });
    });

    harness.test('carries a lot', async () => {
      await harness.runScript('head -c 5000000 /dev/zero > /tmp/zeros; exec httpd -f -p 7004 -h /tmp', { in: box });

      const connection = await connect(7004);
      connection.end('GET /zeros HTTP/1.0\r\n\r\n');

      expect((await buffer(connection)).length).toBeGreaterThan(5_000_000);
    });

    harness.test('is over for the pod too when it is closed here', async () => {
      const { id } = await harness.runScript('exec httpd -f -p 127.0.0.1:7005 -h /tmp', { in: box });
      const connection = await connect(7005);
      const connections = () => harness.outputOf(id, 'netstat', '-tn');
      await eventually(async () => /:7005 .*ESTABLISHED/.test(await connections()));

      connection.destroy();

      await eventually(async () => !/:7005 .*ESTABLISHED/.test(await connections()));
    });
  });
}
