import { ManualClock } from '@keelson/base/testing';
import { describe, expect, it } from 'vitest';
import { UnseenWrites } from './unseen-writes.ts';

function setUp(resourceVersion: string): { clock: ManualClock; cache: { resourceVersion: string }; unseen: UnseenWrites } {
  const clock = new ManualClock();
  const cache = { resourceVersion };
  return { clock, cache, unseen: new UnseenWrites({ clock, cache }) };
}

describe('UnseenWrites', () => {
  it('has what nothing was written for wait for nothing', () => {
    expect(setUp('1').unseen.waitMs('default/web')).toBe(0);
  });

  it('waits until the cache shows the last write, or something later', () => {
    const { cache, unseen } = setUp('98');
    unseen.note('default/web', { metadata: { resourceVersion: '99' } });
    unseen.note('default/web', { metadata: { resourceVersion: '100' } });
    const waits = ['99', '100', '101'].map((version) => {
      cache.resourceVersion = version;
      return unseen.waitMs('default/web') > 0;
    });

    expect(waits).toEqual([true, false, false]);
  });

  it('waits no longer than five minutes', async () => {
    const { clock, unseen } = setUp('98');
    unseen.note('default/web', { metadata: { resourceVersion: '99' } });
    const wait = unseen.waitMs('default/web');
    await clock.advance(300_000);

    expect([wait, unseen.waitMs('default/web')]).toEqual([300_000, 0]);
  });

  it('does not wait for versions that it cannot compare', () => {
    const { unseen } = setUp('98');
    unseen.note('default/web', { metadata: { resourceVersion: 'abc' } });

    expect(unseen.waitMs('default/web')).toBe(0);
  });
});
