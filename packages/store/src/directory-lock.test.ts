import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DirectoryLock } from './directory-lock.ts';

const isLinux = process.platform === 'linux';
const startOf = (pid: number): string => readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ')[19] ?? '';

describe('DirectoryLock', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'keelson-lock-'));
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  it('keeps a second one out, and lets it in when the first is given back', async () => {
    const first = await DirectoryLock.take(directory);
    await expect(DirectoryLock.take(directory)).rejects.toMatchObject({ reason: 'ServiceUnavailable' });
    await first[Symbol.asyncDispose]();

    const second = await DirectoryLock.take(directory);
    await second[Symbol.asyncDispose]();
  });

  it('keeps things apart that only share the directory', async () => {
    await using _store = await DirectoryLock.take(directory, 'store');
    await using _program = await DirectoryLock.take(directory, 'program');
  });

  it.skipIf(!isLinux)('keeps out who is in another network, by the process that it names', async () => {
    writeFileSync(join(directory, 'store.pid'), `${process.ppid} ${startOf(process.ppid)}\n`);

    await expect(DirectoryLock.take(directory)).rejects.toThrow(`process ${process.ppid} has it open`);
  });

  it.skipIf(!isLinux)('takes a process that has died for dead, even if nobody has asked for its exit code', async () => {
    // The shell becomes a program that never looks after the child that the shell has left it.
    const parent = spawn('sh', ['-c', 'sleep 0.3 & echo $!; exec sleep 60']);
    try {
      const [line] = (await once(parent.stdout, 'data')) as [Buffer];
      const pid = Number(String(line).trim());
      await expect.poll(() => readFileSync(`/proc/${pid}/stat`, 'utf8')).toContain(') Z ');
      writeFileSync(join(directory, 'store.pid'), `${pid} ${startOf(pid)}\n`);

      await using _lock = await DirectoryLock.take(directory);
    } finally {
      parent.kill('SIGKILL');
    }
  });
});
