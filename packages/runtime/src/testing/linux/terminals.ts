import { eventually } from '@keelson/base/testing';
import { buffer, text } from 'node:stream/consumers';
import { beforeAll, describe, expect } from 'vitest';
import type { SandboxStatus } from '../../container-runtime.ts';
import { FOREVER } from '../configs.ts';
import { type Harness } from '../harness.ts';

/** A shell's wait for a size (`ROWS COLUMNS`): a runtime may pass it on by another way than input, and later. */
const untilSize = (size: string): string => `until [ "$(stty size 2>/dev/null)" = "${size}" ]; do sleep 0.05; done`;

export function describeTerminals(harness: Harness): void {
  /** A container that just runs, for commands. */
  let idle: string;
  let box: SandboxStatus;

  describe('exec', () => {
    beforeAll(async () => {
      ({ id: idle, sandbox: box } = await harness.runScript(FOREVER));
    });

    harness.test('carries input to its end, and both outputs apart', async () => {
      const session = await harness.runtime.exec(idle, ['sh', '-c', 'cat; echo bad >&2; exit 6'], { stdin: true, tty: false });
      const outputs = Promise.all([text(session.stdout), text(session.stderr ?? session.stdout)]);

      session.stdin?.end('typed in');

      expect(await outputs).toEqual(['typed in', 'bad\n']);
      expect(await session.exitCode).toBe(6);
    });

    harness.test('carries a lot', async () => {
      const session = await harness.runtime.exec(idle, ['cat'], { stdin: true, tty: false });
      session.stderr?.resume();
      const sent = Buffer.alloc(4 * 1024 * 1024, 'a line of text\n');

      session.stdin?.end(sent);

      expect((await buffer(session.stdout)).equals(sent)).toBe(true);
      expect(await session.exitCode).toBe(0);
    });

    harness.test('has a terminal of the size that it is given', async () => {
      const session = await harness.runtime.exec(idle, ['sh'], { stdin: true, tty: true });

      await session.resize(99, 33);
      session.stdin?.write(`${untilSize('33 99')}; tty; stty size; exit 7\n`);

      const output = await text(session.stdout);
      expect(output).toContain('33 99\r\n');
      expect(output).toContain('/dev/pts/');
      expect(await session.exitCode).toBe(7);
      expect(session.stderr).toBeUndefined();
    });

    harness.test('passes on all keys', async () => {
      const command = ['sh', '-c', 'stty raw; echo ready; head -c 2 | od -An -tx1'];
      const session = await harness.runtime.exec(idle, command, { stdin: true, tty: true });
      const output: string[] = [];
      session.stdout.on('data', (chunk: Buffer) => output.push(chunk.toString()));
      await eventually(() => output.join('').includes('ready'));

      session.stdin?.write(Buffer.from([16, 17]));

      expect(await session.exitCode).toBe(0);
      await eventually(() => output.join('').includes('10 11'));
    });
  });

  describe('attach', () => {
    harness.test('reaches the main process, and leaves it running', async () => {
      const script = 'while read line; do echo "got $line"; done';
      const { id } = await harness.runScript(script, { in: box, container: { stdin: true } });
      const session = await harness.runtime.attach(id, { stdin: true, tty: false });
      session.stderr?.resume();

      session.stdin?.write('one\n');
      await new Promise((resolve) => session.stdout.once('data', resolve));
      session.close();

      await eventually(async () => (await harness.logOf(id)) === 'got one\n');
      expect((await harness.runtime.containerStatus(id)).state).toBe('running');
      const again = await harness.runtime.attach(id, { stdin: true, tty: false });
      again.stdin?.write('two\n');
      await eventually(async () => (await harness.logOf(id)) === 'got one\ngot two\n');
      again.close();
    });

    harness.test('has the terminal of the container', async () => {
      const container = { stdin: true, tty: true };
      const { id } = await harness.runScript(`read line; ${untilSize('21 81')}; tty; stty size; exit 4`, { in: box, container });
      const session = await harness.runtime.attach(id, { stdin: true, tty: true });

      await session.resize(81, 21);
      session.stdin?.write('go\n');

      const output = await text(session.stdout);
      expect(output).toContain('21 81\r\n');
      expect(output).not.toContain('not a tty');
      expect(await session.exitCode).toBe(4);
      expect(session.stderr).toBeUndefined();
      await eventually(async () => (await harness.logOf(id)).includes('21 81'));
    });

    harness.test('ends the input of a container whose input is for one only, and gives its exit code', async () => {
      const container = { stdin: true, stdinOnce: true };
      const { id } = await harness.runScript('cat; exit 9', { in: box, container });
      const session = await harness.runtime.attach(id, { stdin: true, tty: false });
      session.stderr?.resume();

      session.stdin?.end('last\n');

      expect(await text(session.stdout)).toBe('last\n');
      expect(await session.exitCode).toBe(9);
    });
  });
}
