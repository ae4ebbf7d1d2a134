import type { Container, Pod } from '@keelson/api/core/v1';
import { describe, expect, it } from 'vitest';
import { excessOfContainers, excessOfPod, excessOfVolumes } from './storage-limits.ts';

const MI = 1024 * 1024;

const limited = (name: string, storage?: string): Container => ({
  name,
  ...(storage !== undefined && { resources: { limits: { 'ephemeral-storage': storage } } }),
});
const podOf = (containers: readonly Container[], emptyDir: { sizeLimit?: string; medium?: string } = {}): Pod => ({
  metadata: { name: 'a', uid: 'u' },
  spec: { containers: [...containers], volumes: [{ name: 'v', emptyDir }] },
});
const using = (bytes: Readonly<Record<string, number>>) => ({
  containers: new Map(
    Object.entries(bytes).map(([name, usedBytes]) => [
      name,
      { containerId: name, writableLayer: { usedBytes: usedBytes - 1 }, logs: { usedBytes: 1, inodesUsed: 1 } },
    ]),
  ),
});

describe('limits of storage', () => {
  it.each([
    { sizeLimit: '1Mi', used: MI, message: undefined },
    { sizeLimit: '1Mi', used: MI + 1, message: 'Usage of EmptyDir volume "v" exceeds the limit "1Mi". ' },
    { sizeLimit: '0', used: MI, message: undefined },
    { sizeLimit: '1Mi', medium: 'Memory', used: 2 * MI, message: undefined },
    { used: MI, message: undefined },
  ])('of an emptyDir: $sizeLimit $medium, used $used', ({ message, used, ...emptyDir }) => {
    expect(excessOfVolumes(podOf([{ name: 'web' }], emptyDir), new Map([['v', used]]))).toBe(message);
  });

  it.each([
    { what: 'all limits together', containers: [limited('a', '1Mi'), limited('b', '1Mi')], used: 2 * MI, exceeds: false },
    { what: 'more than all', containers: [limited('a', '1Mi'), limited('b', '1Mi')], used: 2 * MI + 1, exceeds: true },
    { what: 'a container without a limit', containers: [limited('a', '2Mi'), limited('b')], used: 3 * MI, exceeds: true },
    { what: 'no limit', containers: [limited('a')], used: 3 * MI, exceeds: false },
  ])('of a pod: $what', ({ containers, exceeds, used }) => {
    const message = 'Pod ephemeral local storage usage exceeds the total limit of containers 2Mi. ';

    expect(excessOfPod(podOf(containers), { total: { usedBytes: used, inodesUsed: 1 } })).toBe(exceeds ? message : undefined);
  });

  it('of a container: its layer and its log, without volumes', () => {
    const pod = podOf([limited('a', '1Mi'), limited('b', '1Mi'), limited('c')]);

    expect(excessOfContainers(pod, using({ a: MI, b: MI, c: 5 * MI }))).toBeUndefined();
    expect(excessOfContainers(pod, using({ a: MI, b: MI + 1 }))).toBe(
      'Container b exceeded its local ephemeral storage limit "1Mi". ',
    );
  });
});
