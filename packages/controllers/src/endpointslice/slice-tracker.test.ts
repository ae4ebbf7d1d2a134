import type { EndpointSlice } from '@keelson/api/discovery/v1';
import { beforeEach, describe, expect, it } from 'vitest';
import { SliceTracker } from './slice-tracker.ts';

const slice = (uid: string, resourceVersion: string): EndpointSlice => ({
  metadata: { uid, resourceVersion },
  addressType: 'IPv4',
});

describe('SliceTracker', () => {
  let tracker: SliceTracker;

  beforeEach(() => {
    tracker = new SliceTracker();
    tracker.noteWrite('web', slice('a', '10'));
  });

  it.each([
    { title: 'lacks a slice that was written', cached: [], want: true },
    { title: 'has an older state of it', cached: [slice('a', '9')], want: true },
    { title: 'has it as it was written', cached: [slice('a', '10')], want: false },
    { title: 'has a newer state, by someone else', cached: [slice('a', '11')], want: false },
    { title: 'has others too', cached: [slice('a', '10'), slice('b', '1')], want: false },
  ])('knows whether the cache is behind, when it $title', ({ cached, want }) => {
    expect(tracker.isBehind('web', cached)).toBe(want);
  });

  it('waits until a deleted slice has left the cache', () => {
    tracker.noteDelete('web', slice('a', '10'));

    expect(tracker.isBehind('web', [slice('a', '10')])).toBe(true);
    expect(tracker.isBehind('web', [])).toBe(false);
  });

  it('tells own changes from those of others', () => {
    expect(tracker.isOwn('web', slice('a', '10'), false)).toBe(true);
    expect(tracker.isOwn('web', slice('a', '11'), false)).toBe(false);
    expect(tracker.isOwn('web', slice('a', '10'), true)).toBe(false);
    expect(tracker.isOwn('web', slice('b', '1'), false)).toBe(false);
  });

  it('does not wait for a slice that someone else has deleted', () => {
    tracker.forgetSlice('web', slice('a', '12'));

    expect(tracker.isBehind('web', [])).toBe(false);
  });
});
