import type { Pod, Service } from '@keelson/api/core/v1';
import { beforeEach, describe, expect, it } from 'vitest';
import { TriggerTimes } from './trigger-times.ts';

const at = (second: number): string => `2026-01-01T00:00:${second}Z`;
const SERVICE: Service = { metadata: { name: 'web', namespace: 'default', creationTimestamp: at(10) } };
const pod = (name: string, second: number): Pod => ({
  metadata: { name },
  status: { conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: at(second) }] },
});

describe('TriggerTimes', () => {
  let times: TriggerTimes;

  beforeEach(() => {
    times = new TriggerTimes();
  });

  it('says the oldest of what is new since the last write', () => {
    expect(times.of(SERVICE, [pod('a', 12)])).toBe(at(10));
    times.settle('default/web');
    expect(times.of(SERVICE, [pod('a', 12), pod('b', 25), pod('c', 20)])).toBe(at(20));
  });

  it('says nothing if nothing is new', () => {
    times.of(SERVICE, [pod('a', 12)]);
    times.settle('default/web');

    expect(times.of(SERVICE, [pod('a', 12)])).toBeUndefined();
  });

  it('says it again after a write that failed', () => {
    times.of(SERVICE, [pod('a', 12)]);

    expect(times.of(SERVICE, [pod('a', 12), pod('b', 20)])).toBe(at(10));
  });

  it('knows nothing of an earlier service of the same name', () => {
    times.of(SERVICE, []);
    times.settle('default/web');
    times.forget('default/web');

    expect(times.of(SERVICE, [])).toBe(at(10));
  });
});
