import { mkdir, mkdtemp, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ContainerSecurity } from '@keelson/runtime';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { capabilitiesOf, capabilityMask } from './capabilities.ts';
import { settingsOf, weightOf } from './resources.ts';
import { makePlace, resolveInRoot } from './root-path.ts';
import { defaultProfile, translateProfile } from './seccomp.ts';
import { resolveUser } from './user.ts';

const SECURITY: ContainerSecurity = {
  user: '',
  supplementalGroups: [],
  privileged: false,
  readOnlyRootFilesystem: false,
  noNewPrivileges: false,
  addCapabilities: [],
  dropCapabilities: [],
  seccompProfile: 'Unconfined',
};

describe('files of an image', () => {
  let root: string;

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'root-'));
    await mkdir(join(root, 'run/secrets'), { recursive: true });
    await mkdir(join(root, 'var'));
    await mkdir(join(root, 'etc'));
    await symlink('/run', join(root, 'var/run'));
    await symlink('../../..', join(root, 'up'));
    await symlink('loop', join(root, 'loop'));
    await writeFile(join(root, 'etc/passwd'), 'root:x:0:0::/root:/bin/sh\nweb:x:33:44::/srv:/bin/sh\n');
    await writeFile(join(root, 'etc/group'), 'web:x:44:\ndisk:x:6:web,other\n');
  });
  afterEach(() => rm(root, { recursive: true }));

  it.each([
    { path: '/var/run/secrets/x', want: '/run/secrets/x' },
    { path: '/up/etc/passwd', want: '/etc/passwd' },
    { path: '/../../etc', want: '/etc' },
    { path: 'a/./b/../c', want: '/a/c' },
  ])('finds $path at $want', ({ path, want }) => {
    expect(resolveInRoot(root, path)).toBe(want);
  });

  it('refuses links that go round in circles', () => {
    expect(() => resolveInRoot(root, '/loop/x')).toThrow('too many levels of symbolic links');
  });

  it('makes places to mount on beside them, with the modes that they have', async () => {
    const upper = await mkdtemp(join(tmpdir(), 'upper-'));
    await mkdir(join(root, 'private'), { mode: 0o700 });

    await makePlace(root, upper, '/private/deep/file', 'file');
    await makePlace(root, upper, '/etc/passwd', 'file');

    expect((await stat(join(upper, 'private'))).mode & 0o777).toBe(0o700);
    expect((await stat(join(upper, 'private/deep'))).isDirectory()).toBe(true);
    expect((await stat(join(upper, 'private/deep/file'))).size).toBe(0);
    await expect(stat(join(upper, 'etc'))).rejects.toThrow('ENOENT');
    await rm(upper, { recursive: true });
  });

  it.each([
    { user: '', want: { uid: 0, gid: 0, groups: [9], home: '/root' } },
    { user: 'web', want: { uid: 33, gid: 44, groups: [9, 6], home: '/srv' } },
    { user: '33:7', want: { uid: 33, gid: 7, groups: [9, 6], home: '/srv' } },
    { user: '33:disk', want: { uid: 33, gid: 6, groups: [9, 6], home: '/srv' } },
    { user: '500', want: { uid: 500, gid: 0, groups: [9], home: '/' } },
  ])('knows the user "$user"', async ({ user, want }) => {
    expect(await resolveUser(root, user, [9])).toEqual(want);
  });

  it('refuses users and groups that are not there', async () => {
    await expect(resolveUser(root, 'ghost', [])).rejects.toThrow('unable to find user ghost');
    await expect(resolveUser(root, 'web:ghost', [])).rejects.toThrow('unable to find group ghost');
  });
});

describe('capabilitiesOf', () => {
  const available = ['CHOWN', 'KILL', 'NET_ADMIN', 'SYS_ADMIN'];

  it.each([
    { title: 'the usual', add: [], drop: [], want: ['CHOWN', 'KILL'] },
    { title: 'one more, one less', add: ['CAP_NET_ADMIN'], drop: ['chown'], want: ['KILL', 'NET_ADMIN'] },
    { title: 'none', add: [], drop: ['ALL'], want: [] },
    { title: 'one alone', add: ['SYS_ADMIN'], drop: ['ALL'], want: ['SYS_ADMIN'] },
    { title: 'all but one', add: ['ALL'], drop: ['KILL'], want: ['CHOWN', 'NET_ADMIN', 'SYS_ADMIN'] },
    { title: 'what there is not', add: ['SYS_RESOURCE'], drop: [], want: ['CHOWN', 'KILL'] },
  ])('$title', ({ add, drop, want }) => {
    expect(capabilitiesOf({ ...SECURITY, addCapabilities: add, dropCapabilities: drop }, available)).toEqual(want);
  });

  it('gives all to who is privileged', () => {
    expect(capabilitiesOf({ ...SECURITY, privileged: true, dropCapabilities: ['ALL'] }, available)).toEqual(available);
    expect(capabilityMask(['CHOWN', 'KILL'])).toBe(33n);
  });
});

describe('seccomp profiles', () => {
  it('allow by default what a capability is for', () => {
    expect(defaultProfile([]).split('\n')).toEqual(expect.arrayContaining(['mount errno 1', 'reboot errno 1', 'bpf errno 1']));
    expect(defaultProfile(['SYS_ADMIN'])).not.toContain('mount errno');
  });

  it('are translated for LXC', () => {
    const profile = {
      defaultAction: 'SCMP_ACT_ERRNO',
      defaultErrnoRet: 38,
      syscalls: [
        { names: ['read', 'write'], action: 'SCMP_ACT_ALLOW' },
        { names: ['personality'], action: 'SCMP_ACT_ALLOW', args: [{ index: 0, value: 8, op: 'SCMP_CMP_EQ' }] },
        { name: 'kill', action: 'SCMP_ACT_KILL' },
      ],
    };

    expect(translateProfile(JSON.stringify(profile))).toBe(
      '2\nallowlist errno 38\n[all]\nread allow\nwrite allow\npersonality allow [0,8,SCMP_CMP_EQ]\nkill kill\n',
    );
    expect(translateProfile('{"defaultAction":"SCMP_ACT_ALLOW"}')).toBe('2\ndenylist\n[all]\n');
  });

  it.each(['no json', '{}', '{"defaultAction":"SCMP_ACT_NOTIFY"}'])('are refused if LXC cannot have them: %s', (text) => {
    expect(() => translateProfile(text)).toThrow('The seccomp profile');
  });
});

describe('limits', () => {
  const limits = { cpuShares: 1024, cpuQuotaUs: 50_000, cpuPeriodUs: 100_000, memoryLimitBytes: 4096 };

  it('are written as either version of cgroups has them', () => {
    expect(settingsOf(limits, 1)).toEqual([
      ['cpu.shares', '1024'],
      ['cpu.cfs_period_us', '100000'],
      ['cpu.cfs_quota_us', '50000'],
      ['memory.limit_in_bytes', '4096'],
    ]);
    expect(settingsOf(limits, 2)).toEqual([
      ['cpu.weight', '39'],
      ['cpu.max', '50000 100000'],
      ['memory.max', '4096'],
      ['memory.swap.max', '0'],
    ]);
    expect(settingsOf({ memoryLimitBytes: 0 }, 2)).toEqual([]);
  });

  it('have weights for the whole range of shares', () => {
    expect([2, 262_144, 0].map(weightOf)).toEqual([1, 10_000, 1]);
  });
});
