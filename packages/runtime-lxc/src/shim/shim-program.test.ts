import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { SHIM_BINARIES } from './shim-binaries.ts';
import { installShim } from './shim-program.ts';

function directory(): string {
  const path = mkdtempSync(join(tmpdir(), 'shim-'));
  onTestFinished(() => rmSync(path, { recursive: true }));
  return path;
}

it.each([
  { architecture: 'amd64', machine: 0x3e },
  { architecture: 'arm64', machine: 0xb7 },
])('has a small program for $architecture', async ({ architecture, machine }) => {
  const program = readFileSync(await installShim(directory(), architecture));

  expect(program.subarray(0, 4).toString('latin1')).toBe('\u007fELF');
  expect(program.readUInt16LE(18)).toBe(machine);
  expect(program.length).toBeLessThan(32_768);
  expect(Object.keys(SHIM_BINARIES)).toContain(architecture);
});

it('puts it there once, for everybody to run', async () => {
  const place = directory();

  const path = await installShim(place);
  const { ino, mode } = statSync(path);

  expect(await installShim(place)).toBe(path);
  expect([statSync(path).ino, mode & 0o777]).toEqual([ino, 0o755]);
});

it('says for which machines there is one', async () => {
  await expect(installShim(directory(), 's390x')).rejects.toThrow('No shim for "s390x": there is one for amd64, arm64');
});

it.skipIf(process.platform !== 'linux')('runs nothing that was run before, or that was removed meanwhile', async () => {
  const place = directory();
  const path = await installShim(place);
  const run = (where: string) => {
    const args = ['run', '-', where, join(place, 'exit'), '', '0', '1', '/bin/touch', join(place, 'touched')];
    return spawnSync(path, args, { encoding: 'utf8' }).stdout;
  };
  mkdirSync(join(place, 'container'));
  writeFileSync(join(place, 'container/claim'), '');

  expect(run(join(place, 'container'))).toBe('failed 128 it was started before\n');
  expect(run(join(place, 'removed'))).toBe('failed 128 it is not there any more\n');
  expect(readdirSync(place).toSorted()).toEqual(['container', expect.stringMatching(/^shim-/)]);
});

it.skipIf(process.platform !== 'linux')('refuses what it does not know', async () => {
  const path = await installShim(directory());

  expect(() => execFileSync(path, ['nonsense'])).toThrow('Command failed');
});
