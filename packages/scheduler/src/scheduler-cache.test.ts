import type { Node, Pod } from '@keelson/api/core/v1';
import { describe, expect, it } from 'vitest';
import { SchedulerCache } from './scheduler-cache.ts';

const node = (name: string): Node => ({ metadata: { name }, status: { allocatable: { cpu: '4', memory: '8Gi', pods: '110' } } });
const pod = (name: string, nodeName?: string, cpu = '500m'): Pod => ({
  metadata: { name, namespace: 'default' },
  spec: { ...(nodeName && { nodeName }), containers: [{ name: 'c', resources: { requests: { cpu } } }] },
});
const usedCpu = (cache: SchedulerCache, name: string): number => cache.snapshot().node(name)?.requested.get('cpu') ?? 0;

describe('SchedulerCache', () => {
  it('counts an assumed pod at once, and once only when it is confirmed', () => {
    const cache = new SchedulerCache();
    cache.setNode(node('a'));

    cache.assume(pod('p'), 'a');
    expect(usedCpu(cache, 'a')).toBe(500);
    cache.setPod(pod('p', 'a'));

    expect(usedCpu(cache, 'a')).toBe(500);
    expect(cache.isAssumed(pod('p'))).toBe(false);
  });

  it('gives room back when an assumption is forgotten, but not a confirmed pod', () => {
    const cache = new SchedulerCache();
    cache.setNode(node('a'));
    cache.assume(pod('p'), 'a');
    cache.assume(pod('q'), 'a');
    cache.setPod(pod('q', 'a'));

    cache.forget(pod('p'));
    cache.forget(pod('q'));

    expect(usedCpu(cache, 'a')).toBe(500);
  });

  it('follows a pod that turns up on another node than assumed', () => {
    const cache = new SchedulerCache();
    cache.setNode(node('a'));
    cache.setNode(node('b'));
    cache.assume(pod('p'), 'a');

    cache.setPod(pod('p', 'b'));

    expect([usedCpu(cache, 'a'), usedCpu(cache, 'b')]).toEqual([0, 500]);
  });

  it('takes a changed pod at its new size', () => {
    const cache = new SchedulerCache();
    cache.setNode(node('a'));
    cache.setPod(pod('p', 'a'));

    cache.setPod(pod('p', 'a', '2'));
    cache.removePod(pod('p', 'a', '7'));

    expect(usedCpu(cache, 'a')).toBe(0);
  });

  it('remembers pods of a node that is not there yet', () => {
    const cache = new SchedulerCache();
    cache.setPod(pod('p', 'late'));
    expect(cache.snapshot().nodes).toEqual([]);

    cache.setNode(node('late'));

    expect(usedCpu(cache, 'late')).toBe(500);
    expect(cache.snapshot().nodes).toHaveLength(1);
  });
});
