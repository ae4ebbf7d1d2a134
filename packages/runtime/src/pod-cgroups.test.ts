import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { cgroupParentFor, limitCgroup, limitFiles, removeCgroupTree } from './pod-cgroups.ts';

it.each([
  { driver: 'cgroupfs', want: '/keelson/kubepods/burstable/pod1-2' },
  { driver: undefined, want: '/keelson/kubepods/burstable/pod1-2' },
  { driver: 'systemd', want: 'keelson-kubepods-burstable-pod1_2.slice' },
])('names a cgroup as the driver $driver does', ({ driver, want }) => {
  expect(cgroupParentFor(driver, '/keelson/', 'kubepods/burstable/pod1-2')).toBe(want);
});

it.each([
  {
    resources: { cpuShares: 1024, cpuQuotaUs: 50_000, cpuPeriodUs: 100_000, memoryLimitBytes: 1_048_576 },
    one: ['1024', '100000', '50000', '1048576'],
    two: ['39', '50000 100000', '1048576'],
  },
  { resources: { cpuShares: 2 }, one: ['2', '100000', '-1', '-1'], two: ['1', 'max 100000', 'max'] },
  { resources: { cpuShares: 262_144 }, one: ['262144', '100000', '-1', '-1'], two: ['10000', 'max 100000', 'max'] },
])('writes $resources for both versions of cgroups', ({ resources, one, two }) => {
  expect(limitFiles(resources, 1).map(({ value }) => value)).toEqual(one);
  expect(limitFiles(resources, 2).map(({ value }) => value)).toEqual(two);
});

describe('limitCgroup', () => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'keelson-cgroups-'));
    writeFileSync(join(root, 'cgroup.controllers'), 'cpu memory');
    mkdirSync(join(root, 'pod'));
    onTestFinished(() => rmSync(root, { recursive: true }));
  });
  const file = (name: string) => join(root, 'pod', name);

  it('writes what there is a file for', async () => {
    for (const name of ['cpu.weight', 'cpu.max', 'memory.max']) writeFileSync(file(name), '');

    await limitCgroup('/pod', { memoryLimitBytes: 4096 }, root);

    expect(readFileSync(file('memory.max'), 'utf8')).toBe('4096');
    expect(readFileSync(file('cpu.max'), 'utf8')).toBe('max 100000');
  });

  it('tells of what cannot be written, and writes the rest', async () => {
    mkdirSync(file('cpu.max'));
    for (const name of ['cpu.weight', 'memory.max']) writeFileSync(file(name), '');

    const limiting = limitCgroup('/pod', { cpuQuotaUs: 50_000, memoryLimitBytes: 4096 }, root);

    await expect(limiting).rejects.toMatchObject({
      reason: 'InternalError',
      message: 'Cannot set limits of cgroup "/pod": the kernel refused cpu.max to 50000 100000 (EISDIR)',
    });
    expect(readFileSync(file('memory.max'), 'utf8')).toBe('4096');
  });

  it('tells of a limit that the kernel has no file for, and not of one that is none', async () => {
    await limitCgroup('/pod', {}, root);

    await expect(limitCgroup('/pod', { memoryLimitBytes: 4096 }, root)).rejects.toThrow('memory.max to 4096 (ENOENT)');
  });

  it('does nothing for a cgroup that is not there', async () => {
    await limitCgroup('/elsewhere', { memoryLimitBytes: 4096 }, root);
    await limitCgroup('keelson-pod.slice', { memoryLimitBytes: 4096 }, root);
  });
});

it('removes a cgroup with all that are in it, from every hierarchy', async () => {
  const root = mkdtempSync(join(tmpdir(), 'keelson-cgroups-'));
  onTestFinished(() => rmSync(root, { recursive: true }));
  for (const path of ['cpu/ours/kubepods/pod1', 'memory/ours/lxc.monitor', 'memory/theirs', 'ours'])
    mkdirSync(join(root, path), { recursive: true });

  await removeCgroupTree('ours', root);

  expect(readdirSync(root, { recursive: true }).toSorted()).toEqual(['cpu', 'memory', 'memory/theirs']);
});
