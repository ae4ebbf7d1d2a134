import type { Answer } from 'dns-packet';
import { ManualClock } from '@keelson/base/testing';
import { describe, expect, it } from 'vitest';
import { address, soa } from '../test-support/upstream-server.ts';
import { failure, type Resolution } from '../wire/response.ts';
import { AnswerCache } from './answer-cache.ts';

function resolution(rcode: number, answers: readonly Answer[], authorities: readonly Answer[] = []): Resolution {
  return { ...failure(rcode), answers, authorities };
}

function setUp(size = 100) {
  const clock = new ManualClock();
  return { clock, cache: new AnswerCache(clock, { size, longestTtlSeconds: 30 }) };
}

describe('AnswerCache', () => {
  it('gives what is left of the time to live', async () => {
    const { clock, cache } = setUp();
    cache.set('a', resolution(0, [address('a.example', '192.0.2.1', 20), address('a.example', '192.0.2.2', 10)]));

    await clock.advance(4_000);
    expect(cache.get('a')?.answers).toMatchObject([{ ttl: 6 }, { ttl: 6 }]);
    await clock.advance(6_000);

    expect(cache.get('a')).toBeUndefined();
  });

  it.each([
    { title: 'the longest time that is allowed', kept: resolution(0, [address('a.example', '192.0.2.1', 86_400)]), seconds: 30 },
    { title: 'the minimum of the SOA record', kept: resolution(3, [], [soa('example', 7)]), seconds: 7 },
    { title: 'the life of the SOA record', kept: resolution(0, [], [soa('example', 7, 3)]), seconds: 3 },
    { title: 'no time without a SOA record', kept: resolution(3, []), seconds: 0 },
    { title: 'no time if it is a failure', kept: resolution(2, [], [soa('example', 7)]), seconds: 0 },
    { title: 'no time if its records say so', kept: resolution(0, [address('a.example', '192.0.2.1', 0)]), seconds: 0 },
  ])('keeps an answer for $title', async ({ kept, seconds }) => {
    const { clock, cache } = setUp();
    cache.set('a', kept);

    await clock.advance(Math.max(0, seconds * 1_000 - 1));
    expect(cache.get('a') !== undefined).toBe(seconds > 0);
    await clock.advance(1);

    expect(cache.get('a')).toBeUndefined();
  });

  it('forgets what was used longest ago', () => {
    const { cache } = setUp(2);
    const one = resolution(0, [address('a.example', '192.0.2.1')]);
    cache.set('a', one);
    cache.set('b', one);
    cache.get('a');

    cache.set('c', one);

    expect(['a', 'b', 'c'].filter((key) => cache.get(key))).toEqual(['a', 'c']);
    expect(cache.size).toBe(2);
  });
});
