import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
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

it.skipIf(process.platform !== 'linux')('refuses what it does not know', async () => {
  const path = await installShim(directory());

  expect(() => execFileSync(path, ['nonsense'])).toThrow('Command failed');
});
