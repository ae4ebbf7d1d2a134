import type { Pod } from '@keelson/api/core/v1';
import { describe, expect, it } from 'vitest';
import { AdmittedPods } from './admitted-pods.ts';

const pod = (uid: string, ...ips: readonly string[]): Pod => ({
  metadata: { name: 'web', namespace: 'shop', uid },
  status: { phase: 'Pending', podIPs: ips.map((ip) => ({ ip })) },
});
const addressesIn = (pods: readonly Pod[]) => pods.map(({ status }) => status?.podIPs?.map(({ ip }) => ip));

describe('AdmittedPods', () => {
  it('gives a pod its addresses before the API has them, and leaves it to the API from then on', () => {
    const admitted = new AdmittedPods();
    expect(admitted.add(pod('1'), ['10.0.0.2', 'fd00::2'])).toBe(true);
    expect(admitted.add(pod('1'), ['10.0.0.2', 'fd00::2'])).toBe(false);

    expect(addressesIn(admitted.complete([]))).toEqual([['10.0.0.2', 'fd00::2']]);
    expect(addressesIn(admitted.complete([pod('1')]))).toEqual([['10.0.0.2', 'fd00::2']]);
    expect(addressesIn(admitted.complete([pod('1', '10.0.0.2', 'fd00::2')]))).toEqual([['10.0.0.2', 'fd00::2']]);
    expect(addressesIn(admitted.complete([pod('1', '10.0.0.3')]))).toEqual([['10.0.0.3']]);
  });

  it('takes the newest addresses of a pod whose network was made anew', () => {
    const admitted = new AdmittedPods();
    admitted.add(pod('1'), ['10.0.0.2']);

    expect(admitted.add(pod('1'), ['10.0.0.9'])).toBe(true);

    expect(addressesIn(admitted.complete([pod('1', '10.0.0.2')]))).toEqual([['10.0.0.9']]);
  });

  it('forgets pods that are gone', () => {
    const admitted = new AdmittedPods();
    admitted.add(pod('1'), ['10.0.0.2']);
    admitted.complete([pod('1')]);

    expect(admitted.complete([])).toEqual([]);
    expect(addressesIn(admitted.complete([pod('2')]))).toEqual([[]]);
  });
});
