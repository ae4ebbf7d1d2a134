import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { envFileValue, parseEnvFile } from './env-file.ts';

describe('parseEnvFile', () => {
  it('takes quoted values as they are, and others to the end of their line', () => {
    const text = `# a comment
A='one # two'
  B = "three"
C=four five # said nothing

D=
LINES='first
second'
E='$A'
`;
    expect(Object.fromEntries(parseEnvFile(text))).toEqual({
      A: 'one # two',
      B: 'three',
      C: 'four five',
      D: '',
      LINES: 'first\nsecond',
      E: '$A',
    });
  });
});

describe('envFileValue', () => {
  let root: string;
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'env-file-'));
    await writeFile(join(root, 'a.env'), "COLOUR='blue'\n");
  });
  afterEach(() => rm(root, { recursive: true, force: true }));

  const value = (path: string, key: string, optional = false) => envFileValue({ path, key, volumeName: 'v', optional }, root);

  it('is that of the key', async () => {
    expect(await value('a.env', 'COLOUR')).toBe('blue');
  });

  it('says what is missing, unless it may be', async () => {
    await expect(value('a.env', 'SIZE')).rejects.toThrow('environment variable key "SIZE" not found in file "a.env"');
    await expect(value('b.env', 'SIZE')).rejects.toThrow('couldn\'t read file "b.env"');
    expect(await value('a.env', 'SIZE', true)).toBeUndefined();
    expect(await value('b.env', 'SIZE', true)).toBeUndefined();
  });

  it('does not follow a link out of the volume', async () => {
    await symlink('/etc/passwd', join(root, 'link'));

    await expect(value('link', 'root')).rejects.toThrow('lies outside of its volume');
  });
});
