import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { PAUSE_BINARIES } from './pause-binaries.ts';
import { pauseDigest, pauseImage } from './pause-image.ts';
import { tar } from './tar.ts';

it.each(['amd64', 'arm64'])('makes the same small image for %s each time', (architecture) => {
  const image = pauseImage(architecture);

  expect(image.equals(pauseImage(architecture))).toBe(true);
  expect(image.length).toBeLessThan(16_384);
  expect(image.includes(pauseDigest(architecture))).toBe(true);
});

it.each([
  { architecture: 'amd64', machine: 0x3e },
  { architecture: 'arm64', machine: 0xb7 },
])('holds a program for $architecture', ({ architecture, machine }) => {
  const program = Buffer.from(PAUSE_BINARIES[architecture] ?? '', 'base64');

  expect(program.subarray(0, 4).toString('latin1')).toBe('\u007fELF');
  expect(program.readUInt16LE(18)).toBe(machine);
});

it('says for which machines there is one', () => {
  expect(() => pauseImage('s390x')).toThrow('No keelson/pause:1 for "s390x": there is one for amd64, arm64');
});

it('writes archives that tar reads', () => {
  const directory = mkdtempSync(join(tmpdir(), 'tar-'));
  const content = Buffer.from('x'.repeat(700));
  writeFileSync(join(directory, 'a.tar'), tar([{ name: 'a', content, mode: 0o755 }]));

  execFileSync('tar', ['-xf', 'a.tar'], { cwd: directory });

  expect(readFileSync(join(directory, 'a')).equals(content)).toBe(true);
  rmSync(directory, { recursive: true });
});
