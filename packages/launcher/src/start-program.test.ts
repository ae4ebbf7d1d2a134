import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { startChild } from './child.ts';
import { Launcher } from './launcher.ts';
import type { ProgramStart, StartedProgram } from './program.ts';
import { startProgram } from './start-program.ts';

const run = promisify(execFile);
const isLinux = process.platform === 'linux';
const WAIT = { timeout: 60_000, interval: 20 };
const FILES = ['in', 'out', 'out'] as const;

function shell(script: string, more: Partial<ProgramStart> = {}): ProgramStart {
  return { file: '/bin/sh', args: ['-c', script], files: FILES, ...more };
}

const textOf = async (output: Readable | undefined) => (output ? text(output) : '');

async function outcome({ outputs, ended }: StartedProgram) {
  const [out, err, end] = await Promise.all([textOf(outputs[1]), textOf(outputs[2]), ended]);
  return { out, err, ...end };
}

describe.each([
  { title: 'startProgram', startIt: startProgram },
  { title: 'startChild, without a launcher', startIt: startChild },
])('$title', ({ startIt }) => {
  it('gives a program what it reads, and what it wrote and ended with', async () => {
    const program = await startIt(shell('cat; echo problem >&2; exit 3'));
    program.inputs[0]?.end('words');

    expect(await outcome(program)).toEqual({ out: 'words', err: 'problem\n', code: 3, signal: undefined });
  });

  it('carries more than a pipe holds', async () => {
    const much = 'x'.repeat(1_000_000);
    const program = await startIt(shell('cat'));
    program.inputs[0]?.end(much);

    expect((await outcome(program)).out).toBe(much);
  });

  it('opens further files, and leaves out what is none', async () => {
    const program = await startIt(shell('cat <&3; readlink /proc/self/fd/0 >&2', { files: ['none', 'out', 'out', 'in'] }));
    program.inputs[3]?.end('by the fourth');

    expect(await outcome(program)).toMatchObject({ out: 'by the fourth', err: isLinux ? '/dev/null\n' : '' });
    expect(program.inputs[0]).toBeUndefined();
  });

  it('has the environment that it was given, and `/` to work in', async () => {
    const program = await startIt(shell('echo $GREETING from $PWD $HOME', { env: { GREETING: 'hello' } }));

    expect((await outcome(program)).out).toBe('hello from /\n');
  });

  it('finds programs by their names', async () => {
    expect((await outcome(await startIt({ file: 'echo', args: ['found'], files: FILES }))).out).toBe('found\n');
  });

  it('says that there is no such program', async () => {
    const ended = async () => (await startIt({ file: '/no/such/program', args: [] })).ended;

    await expect(ended()).rejects.toMatchObject({
      reason: 'NotFound',
      message: 'there is no program "/no/such/program"',
    });
  });

  it('says why a program cannot be run', async () => {
    const ended = async () => (await startIt({ file: '/etc/passwd', args: [] })).ended;

    await expect(ended()).rejects.toMatchObject({ reason: 'InternalError', message: 'Cannot run "/etc/passwd": EACCES' });
  });

  it('tells of a signal that has ended it', async () => {
    const program = await startIt(shell('kill -9 $$'));

    expect(await outcome(program)).toMatchObject({ code: undefined, signal: 9 });
    program.kill('SIGTERM');
  });

  it('kills what a program has started with it', async () => {
    const program = await startIt(shell('sleep 1000 & echo ready; wait'));
    for await (const chunk of program.outputs[1] ?? []) if (String(chunk).includes('ready')) break;

    program.killGroup();

    expect(await program.ended).toMatchObject({ signal: 9 });
  });

  it('takes a program that ends without having read', async () => {
    const program = await startIt(shell('exit 0'));
    program.inputs[0]?.on('error', () => undefined).end('x'.repeat(1_000_000));

    expect(await program.ended).toMatchObject({ code: 0 });
  });

  it('starts many at once, each with its own', async () => {
    const programs = await Promise.all(Array.from({ length: 40 }, (_, at) => startIt(shell(`echo ${at}; exit ${at}`))));

    const outcomes = await Promise.all(programs.map(outcome));

    expect(outcomes.map(({ out, code }) => [out, code])).toEqual(programs.map((_, at) => [`${at}\n`, at]));
  });

  it('runs a program whose words are more than the launcher takes', async () => {
    const long = 'y'.repeat(100_000);
    const args = ['-c', 'echo ${#1}', 'sh', ...Array.from({ length: 12 }, () => long)];

    expect((await outcome(await startIt({ file: '/bin/sh', args, files: FILES }))).out).toBe('100000\n');
  });
});

describe.skipIf(!isLinux || Launcher.open() === undefined)('Launcher', () => {
  it('keeps no file of what it has started', async () => {
    const launcher = Launcher.open();
    const files = async () => (await readdir(`/proc/${launcher?.pid}/fd`)).length;

    for (let round = 0; round < 5; round += 1)
      await (
        await launcher?.start(shell('cat', { files: ['none', 'out', 'none'] }))
      )?.ended;

    // Its input, its answers, its errors and its signals.
    await expect.poll(files, WAIT).toBe(4);
  });

  it('goes on until its process ends, though it is told to end with all others', async () => {
    const launcher = Launcher.open();
    const program = await launcher?.start(shell('trap "exit 4" TERM; echo ready; while true; do sleep 0.05; done'));
    for await (const chunk of program?.outputs[1] ?? []) if (String(chunk).includes('ready')) break;

    process.kill(launcher?.pid ?? 0, 'SIGTERM');
    program?.kill('SIGTERM');

    expect(await program?.ended).toMatchObject({ code: 4 });
  });

  it('says that what it ran cannot be known any more once somebody has killed it; there is another one then', async () => {
    const launcher = Launcher.open();
    const program = await launcher?.start(shell('cat'));
    const ended = expect(program?.ended).rejects.toMatchObject({ reason: 'ServiceUnavailable' });

    process.kill(launcher?.pid ?? 0, 'SIGKILL');

    await ended;
    expect(launcher?.isAlive).toBe(false);
    expect((await outcome(await startProgram(shell('echo anew')))).out).toBe('anew\n');
    program?.killGroup();
  });

  it('ends with its process, which does not wait for what is left to go on', async () => {
    const from = new URL('start-program.ts', import.meta.url).href;
    const start = `const { startProgram } = await import(process.argv[1]);
      const left = await startProgram({ file: '/bin/sh', args: ['-c', 'read line; sleep 1000'], isLeft: true });
      const waited = await (await startProgram({ file: '/bin/sh', args: ['-c', 'echo $PPID; exit 7'], files: ['none', 'out', 'none'] }));
      let parent = ''; for await (const chunk of waited.outputs[1]) parent += chunk;
      console.log([left.pid, parent.trim(), (await waited.ended).code].join(' '));`;
    const args = ['--conditions=keelson-source', '--input-type=module', '-e', start, from];

    const [left, launcher, code] = (await run(process.execPath, args)).stdout.trim().split(' ');

    expect(code).toBe('7');
    await expect.poll(() => readFile(`/proc/${launcher}/comm`, 'utf8').catch(() => 'gone'), WAIT).toBe('gone');
    process.kill(-Number(left), 'SIGKILL');
  });
});
