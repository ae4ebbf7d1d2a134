import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { ManualClock } from '@keelson/base/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { containerConfig } from '../testing/configs.ts';
import { runCommand, type CommandContext } from './simulated-commands.ts';
import { execSession } from './simulated-session.ts';

describe('commands in simulated containers', () => {
  let directory: string;
  let context: CommandContext;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'sim-'));
    await writeFile(join(directory, 'key'), 'value');
    const mounts = [
      { hostPath: directory, containerPath: '/etc/conf', readOnly: true },
      { hostPath: '', containerPath: '/image', readOnly: true, image: { id: 'sha256:0', subPath: '' } },
    ];
    const config = containerConfig('web:1', { mounts, env: [{ name: 'A', value: 'one two' }] });
    context = { config, hostname: 'web-0', clock: new ManualClock(0), otherExitCode: 0 };
  });
  afterEach(() => rm(directory, { recursive: true }));

  it.each([
    { command: ['echo', 'a', 'b'], stdout: 'a b\n' },
    { command: ['printenv', 'A'], stdout: 'one two\n' },
    { command: ['/usr/bin/env'], stdout: 'A=one two\n' },
    { command: ['hostname'], stdout: 'web-0\n' },
    { command: ['whoami'], stdout: 'root\n' },
    { command: ['cat', '/etc/hostname'], stdout: 'web-0\n' },
    { command: ['cat', '/etc/conf/key'], stdout: 'value' },
    { command: ['ls', '/etc/conf'], stdout: 'key\n' },
    { command: ['sh', '-c', 'echo "$A"; echo \'$A\' && exit 3'], stdout: 'one two\n$A\n', exitCode: 3 },
    { command: ['sh', '-c', 'false && echo no; false || echo yes'], stdout: 'yes\n' },
    { command: ['bash', '-lc', 'false; echo $?'], stdout: '1\n' },
    { command: ['false'], stdout: '', exitCode: 1 },
    { command: ['redis-cli', 'ping'], stdout: 'redis-cli ping\n' },
  ])('answers $command', async ({ command, stdout, exitCode = 0 }) => {
    expect(await runCommand(command, context)).toMatchObject({ exitCode, stdout, stderr: '' });
  });

  it('finds nothing in an image that is mounted, and nothing of the node', async () => {
    expect(await runCommand(['cat', '/image/package.json'], context)).toMatchObject({ exitCode: 1, stdout: '' });
  });

  it.each(['/etc/shadow', '/etc/conf/../../shadow', '/etc/confidential'])('has no file %s', async (path) => {
    const { exitCode, stderr } = await runCommand(['cat', path], context);

    expect([exitCode, stderr]).toEqual([1, `cat: ${path}: No such file or directory\n`]);
  });

  it('gives back what it is told, as cat does', async () => {
    const session = execSession(['cat'], context, { stdin: true, tty: false });
    session.stdin?.end('hello');

    expect(await text(session.stdout)).toBe('hello');
    expect(await session.exitCode).toBe(0);
  });

  it('talks as a shell on a terminal', async () => {
    const session = execSession(['/bin/sh'], context, { stdin: true, tty: true });
    session.stdin?.write('echo hi\r');
    session.stdin?.write('exit 4\r');

    expect(await text(session.stdout)).toBe('/ # echo hi\r\nhi\r\n/ # exit 4\r\n');
    expect(await session.exitCode).toBe(4);
  });

  it('breaks off when the session is closed', async () => {
    const session = execSession(['sleep', '1000'], context, { stdin: false, tty: false });
    session.close();

    await expect(session.exitCode).rejects.toMatchObject({ reason: 'ServiceUnavailable' });
  });
});
