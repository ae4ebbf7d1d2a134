import { expect, it } from 'vitest';
import type { Payload } from './atomic-writer.ts';
import { WrittenPayloads } from './written-payloads.ts';

const payload = (content: string, mode = 0o644): Payload => new Map([['key', { content: Buffer.from(content), mode }]]);

it('takes files that were written for good for a minute', () => {
  const written = new WrittenPayloads();
  const isFresh = (found = payload('a'), nowMs = 59_999, volume = 'v', uid = 'u') => written.isFresh(uid, volume, found, nowMs);
  written.note('u', 'v', payload('a'), 0);

  expect(isFresh()).toBe(true);
  expect([isFresh(payload('b')), isFresh(payload('a', 0o600)), isFresh(payload('a'), 60_000)]).toEqual([false, false, false]);
  expect([isFresh(payload('a'), 0, 'w'), isFresh(payload('a'), 0, 'v', 'another')]).toEqual([false, false]);
});

it('knows nothing of a pod whose volumes are gone', () => {
  const written = new WrittenPayloads();
  written.note('u', 'v', payload('a'), 0);

  written.forget('u');

  expect(written.isFresh('u', 'v', payload('a'), 0)).toBe(false);
});
