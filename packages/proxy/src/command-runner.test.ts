import { describe, expect, it } from 'vitest';
import { runCommand, runOrThrow } from './command-runner.ts';

const node = (script: string) => ({ file: process.execPath, args: ['-e', script] });

describe('runCommand', () => {
  it('gives input, output, errors and the exit code', async () => {
    const script =
      'process.stdin.pipe(process.stdout); process.stdin.on("end", () => { console.error("oh"); process.exitCode = 3; })';

    expect(await runCommand({ ...node(script), input: 'hello' })).toEqual({ code: 3, stdout: 'hello', stderr: 'oh\n' });
  });

  it('does not mind a program that does not read its input', async () => {
    expect(await runCommand({ ...node(''), input: 'x'.repeat(1024 * 1024) })).toMatchObject({ code: 0 });
  });

  it('says that there is no such program', async () => {
    await expect(runCommand({ file: 'keelson-no-such-program', args: [] })).rejects.toMatchObject({ reason: 'NotFound' });
  });

  it('kills what does not end in time', async () => {
    const hanging = node('process.on("SIGTERM", () => undefined); setInterval(() => undefined, 1000)');

    await expect(runCommand({ ...hanging, timeoutMs: 200 })).rejects.toMatchObject({ reason: 'Timeout' });
  });
});

describe('runOrThrow', () => {
  it('says what the program said', async () => {
    await expect(runOrThrow(runCommand, node('console.error("no room"); process.exitCode = 4'))).rejects.toThrow(
      /failed with code 4: no room/,
    );
  });
});
