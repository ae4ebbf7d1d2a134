import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { PassThrough } from 'node:stream';
import { Attach, Exec, Log, PortForward, type V1Status } from '@kubernetes/client-node';
import { describe, expect, it } from 'vitest';
import { eventually } from '../testing/run.ts';
import type { ClientWorld } from './client-world.ts';

/** Gives what was written so far. */
function textOf(stream: PassThrough): () => string {
  let seen = '';
  stream.on('data', (chunk: Buffer) => (seen += chunk.toString()));
  return () => seen;
}

/** What talks to containers. */
export function streamTests(the: () => ClientWorld): void {
  describe('exec', () => {
    it('runs a command, with its output and its end', async () => {
      const { config, namespace } = the();
      await the().runPod('pod');
      const [stdout, stderr] = [new PassThrough(), new PassThrough()];
      const output = textOf(stdout);
      const ended = Promise.withResolvers<V1Status>();

      const command = ['sh', '-c', 'echo out; exit 3'];
      await new Exec(config).exec(namespace, 'pod', 'main', command, stdout, stderr, null, false, ended.resolve);

      const causes = [{ reason: 'ExitCode', message: '3' }];
      expect(await ended.promise).toMatchObject({ status: 'Failure', reason: 'NonZeroExitCode', details: { causes } });
      expect(output()).toBe('out\n');
    });

    it('talks to a shell on a terminal', async () => {
      const { config, namespace } = the();
      await the().runPod('pod');
      const [stdin, stdout] = [new PassThrough(), new PassThrough()];
      const output = textOf(stdout);

      const socket = await new Exec(config).exec(namespace, 'pod', 'main', 'sh', stdout, null, stdin, true);
      stdin.write('echo from the shell\n');
      await eventually('its answer', async () => /^from the shell\r?$/m.test(output()));
      stdin.write('exit\n');

      await once(socket, 'close');
    });

    it('says so if there is no such pod', async () => {
      const { config, namespace } = the();

      const refused = new Exec(config).exec(namespace, 'nothing', 'main', 'true', new PassThrough(), null, null, false);

      await expect(refused).rejects.toMatchObject({ message: expect.stringContaining('404') });
    });
  });

  describe('attach', () => {
    it('joins a container', async () => {
      const { config, namespace } = the();
      await the().runPod('pod');

      const socket = await new Attach(config).attach(namespace, 'pod', 'main', new PassThrough(), new PassThrough(), null, false);

      expect(socket.readyState).toBe(socket.OPEN);
      socket.close();
      await once(socket, 'close');
    });
  });

  describe('log', () => {
    it('reads it, whole and followed to the end', async () => {
      const { config, core, namespace } = the();
      await the().runPod('pod');
      const [whole, followed] = [new PassThrough(), new PassThrough()];
      const log = new Log(config);

      await log.log(namespace, 'pod', 'main', whole, { tailLines: 2 });
      expect((await whole.toArray()).join('')).toBe('two\nthree\n');

      await log.log(namespace, 'pod', 'main', followed, { follow: true });
      const lines = followed.toArray();
      await core.deleteNamespacedPod({ name: 'pod', namespace });
      expect((await lines).join('')).toBe('one\ntwo\nthree\n');
    });
  });

  describe('port-forward', () => {
    it('carries many connections at once', async () => {
      const { config, namespace } = the();
      await the().runPod('pod');
      const forward = new PortForward(config);
      const server = createServer((socket) => void forward.portForward(namespace, 'pod', [80], socket, null, socket));
      await once(server.listen(0, '127.0.0.1'), 'listening');
      const { port } = server.address() as AddressInfo;

      const ask = async (): Promise<string> => (await fetch(`http://127.0.0.1:${port}/`)).text();
      const answers = await Promise.all(Array.from({ length: 8 }, ask));

      expect(new Set(answers)).toEqual(new Set([expect.stringContaining('pod')]));
      server.close();
    });
  });
}
