import { chmod, chown, mkdir, mkdtemp, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { giveToGroup } from './ownership.ts';

const GROUP = 4321;
const isRoot = process.getuid?.() === 0;
if (!isRoot) process.stderr.write('LEFT OUT: giving volumes to groups needs root\n');

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'ownership-'));
  await chmod(root, 0o700);
  await mkdir(join(root, 'd'), { mode: 0o755 });
  await writeFile(join(root, 'd/f'), 'x', { mode: 0o600 });
});
afterEach(() => rm(root, { recursive: true, force: true }));

const look = async (path: string): Promise<string> => {
  const { gid, mode } = await stat(join(root, path));
  return `${gid} ${(mode & 0o7777).toString(8)}`;
};

describe.runIf(isRoot || process.env['CI'])('giveToGroup', () => {
  it('lets the group read and write all, and own what is made later', async () => {
    await giveToGroup(root, { fsGroup: GROUP });

    expect(await look('.')).toBe(`${GROUP} 2770`);
    expect(await look('d')).toBe(`${GROUP} 2775`);
    expect(await look('d/f')).toBe(`${GROUP} 660`);
  });

  it('lets the group read what is read only', async () => {
    await giveToGroup(root, { fsGroup: GROUP }, { readOnly: true });

    expect(await look('d/f')).toBe(`${GROUP} 640`);
  });

  it('leaves a volume alone whose root is right, if so asked', async () => {
    await giveToGroup(root, { fsGroup: GROUP });
    await chown(join(root, 'd/f'), 0, 0);

    await giveToGroup(root, { fsGroup: GROUP, fsGroupChangePolicy: 'OnRootMismatch' });
    expect(await look('d/f')).toBe('0 660');
    await giveToGroup(root, { fsGroup: GROUP, fsGroupChangePolicy: 'Always' });

    expect(await look('d/f')).toBe(`${GROUP} 660`);
  });

  it('does not follow links', async () => {
    const other = await mkdtemp(join(tmpdir(), 'other-'));
    await symlink(other, join(root, 'link'));

    await giveToGroup(root, { fsGroup: GROUP });

    expect((await stat(other)).gid).toBe(0);
    await rm(other, { recursive: true });
  });
});
