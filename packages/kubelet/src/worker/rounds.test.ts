import { describe, expect, it } from 'vitest';
import { Rounds } from './rounds.ts';

describe('Rounds', () => {
  function setUp() {
    const log: string[] = [];
    const ends: (() => void)[] = [];
    const rounds = new Rounds(async (key) => {
      log.push(`begin ${key}`);
      await new Promise<void>((resolve) => ends.push(resolve));
      log.push(`end ${key}`);
    });
    const settle = () => new Promise((resolve) => setImmediate(resolve));
    return { log, rounds, end: async () => (ends.shift()?.(), settle()) };
  }

  it('never runs twice at a time for one key, and once more for all who asked meanwhile', async () => {
    const { log, rounds, end } = setUp();
    const done: string[] = [];
    void rounds.next('a').then(() => done.push('first'));
    void rounds.next('a').then(() => done.push('second'));
    void rounds.next('a').then(() => done.push('third'));
    expect([log, rounds.isWaiting('a')]).toEqual([['begin a'], true]);

    await end();
    expect([log, done, rounds.isWaiting('a')]).toEqual([['begin a', 'end a', 'begin a'], ['first'], false]);
    void rounds.next('a').then(() => done.push('fourth'));
    await end();
    await end();

    expect(log).toEqual(['begin a', 'end a', 'begin a', 'end a', 'begin a', 'end a']);
    expect(done).toEqual(['first', 'second', 'third', 'fourth']);
  });

  it('runs different keys side by side', async () => {
    const { log, rounds, end } = setUp();
    void rounds.next('a');
    void rounds.next('b');

    await end();

    expect(log).toEqual(['begin a', 'begin b', 'end a']);
  });
});
