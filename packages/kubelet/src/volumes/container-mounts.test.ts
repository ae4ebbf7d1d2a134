import { mkdtemp, readlink, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { VolumeMount } from '@keelson/api/core/v1';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { writeAtomically } from './atomic-writer.ts';
import { containerMounts } from './container-mounts.ts';
import { NO_MOUNTS } from './mounter.ts';
import { PodDirectories } from './pod-directories.ts';
import { ReadOnlyTrees } from './read-only-trees.ts';
import { SubPaths } from './sub-paths.ts';

let directory: string;
beforeEach(async () => void (directory = await mkdtemp(join(tmpdir(), 'mounts-'))));
afterEach(() => rm(directory, { recursive: true, force: true }));

function mounts(more: Partial<VolumeMount>, readOnly = false) {
  const directories = new PodDirectories(join(directory, 'kubelet'), NO_MOUNTS);
  return containerMounts({
    podUid: 'u',
    container: { name: 'c', volumeMounts: [{ name: 'v', mountPath: '/m', ...more }] },
    volumes: new Map([['v', { path: directory, readOnly }]]),
    env: [{ name: 'N', value: 'x' }],
    images: new Map([['pictures', { id: 'sha256:1', repoTags: [], repoDigests: [], sizeBytes: 1, user: '' }]]),
    subPaths: new SubPaths(directories, NO_MOUNTS),
    readOnlyTrees: new ReadOnlyTrees(directories, NO_MOUNTS),
  });
}

describe('containerMounts', () => {
  it('mounts an image, or a part of it, to be read only', async () => {
    const image = { id: 'sha256:1', subPath: '' };

    expect(await mounts({ name: 'pictures' })).toEqual([{ hostPath: '', containerPath: '/m', readOnly: true, image }]);
    expect(await mounts({ name: 'pictures', subPathExpr: 'a/$(N)' })).toMatchObject([{ image: { ...image, subPath: 'a/x' } }]);
    await expect(mounts({ name: 'pictures', subPath: '../x' })).rejects.toThrow("must not contain '..'");
  });

  it('pins a subPath to what it is now, so that it never updates', async () => {
    const payload = new Map([['a', { content: Buffer.from('1'), mode: 0o644 }]]);
    await writeAtomically(directory, payload, 0);

    const [found] = await mounts({ subPath: 'a' });

    expect(found?.hostPath).toBe(join(directory, await readlink(join(directory, '..data')), 'a'));
  });

  it('expands subPathExpr and makes the directory', async () => {
    expect(await mounts({ subPathExpr: 'd-$(N)', readOnly: true })).toEqual([
      { hostPath: join(directory, 'd-x'), containerPath: '/m', readOnly: true },
    ]);
  });

  it.each<{ title: string; mount: Partial<VolumeMount>; want: object }>([
    { title: 'without propagation', mount: {}, want: {} },
    { title: 'with none', mount: { mountPropagation: 'None' }, want: {} },
    { title: 'inwards', mount: { mountPropagation: 'HostToContainer' }, want: { propagation: 'host-to-container' } },
    { title: 'both ways', mount: { mountPropagation: 'Bidirectional' }, want: { propagation: 'bidirectional' } },
    { title: 'at a relative path', mount: { mountPath: 'm' }, want: {} },
    {
      title: 'read only as deep as possible',
      mount: { readOnly: true, recursiveReadOnly: 'IfPossible' },
      want: { readOnly: true },
    },
  ])('mounts $title', async ({ mount, want }) => {
    expect(await mounts(mount)).toEqual([{ hostPath: directory, containerPath: '/m', readOnly: false, ...want }]);
  });

  it('mounts read only what the volume does not let be written', async () => {
    expect(await mounts({}, true)).toMatchObject([{ readOnly: true }]);
  });

  it.each<{ title: string; mount: Partial<VolumeMount>; message: string }>([
    { title: 'an absolute subPath', mount: { subPath: '/x' }, message: 'error SubPath `/x` must not be an absolute path' },
    {
      title: 'a subPath upwards',
      mount: { subPath: 'a/../..' },
      message: "unable to provision SubPath `a/../..`: must not contain '..'",
    },
    { title: 'a variable that is not set', mount: { subPathExpr: '$(X)' }, message: 'missing value for "X"' },
    { title: 'a volume that is not there', mount: { name: 'w' }, message: 'cannot find volume "w" to mount into container "c"' },
    {
      title: 'a link out of the volume',
      mount: { subPath: 'link' },
      message: 'failed to prepare subPath for volumeMount "v" of container "c": "link" leaves the volume through a symbolic link',
    },
    {
      title: 'what takes mounts, where there are none',
      mount: { readOnly: true, recursiveReadOnly: 'Enabled' },
      message:
        'failed to resolve recursive read-only mode: volume "v" requested recursive read-only mode, but it is not supported by the runtime',
    },
  ])('refuses $title', async ({ mount, message }) => {
    await symlink('/etc', join(directory, 'link'));

    await expect(mounts(mount)).rejects.toThrow(message);
  });
});
