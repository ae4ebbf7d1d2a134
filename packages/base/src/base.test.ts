import { describe, expect, it } from 'vitest';
import {
  Backoff,
  BoundedQueue,
  isReason,
  KeelsonError,
  Lifecycle,
  silentLogger,
  SystemClock,
  TaskGroup,
  token,
  type Runnable,
} from './index.ts';
import { ManualClock } from './testing.ts';

const part = (name: string, log: string[], fails = false): Runnable => ({
  name,
  start: async () => {
    log.push(`start ${name}`);
    if (fails) throw new Error(`${name} is broken`);
  },
  stop: async () => void log.push(`stop ${name}`),
});

describe('Lifecycle', () => {
  it('starts in order and stops in the opposite order', async () => {
    const log: string[] = [];
    const lifecycle = new Lifecycle(silentLogger);
    for (const name of ['a', 'b']) lifecycle.add(part(name, log));

    await lifecycle.start(new AbortController().signal);
    await lifecycle.stop();
    await lifecycle.stop();

    expect(log).toEqual(['start a', 'start b', 'stop b', 'stop a']);
  });

  it('stops what ran when a start fails', async () => {
    const log: string[] = [];
    const lifecycle = new Lifecycle(silentLogger);
    lifecycle.add(part('a', log));
    lifecycle.add(part('b', log, true));
    lifecycle.add(part('c', log));

    await expect(lifecycle.start(new AbortController().signal)).rejects.toThrow('b is broken');

    expect(log).toEqual(['start a', 'start b', 'stop b', 'stop a']);
  });
});

describe('TaskGroup', () => {
  it('aborts and waits for its tasks when it stops', async () => {
    const group = new TaskGroup(silentLogger);
    let ended = false;
    group.run('waiter', async (signal) => {
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      ended = true;
    });

    await group.stop();
    group.run('late', () => Promise.reject(new Error('never runs')));

    expect(ended).toBe(true);
  });
});

describe('BoundedQueue', () => {
  it('delivers what was queued, then its end', async () => {
    const queue = new BoundedQueue<number>(3);
    queue.push(1);
    queue.push(2);
    queue.end();

    expect(await Array.fromAsync(queue)).toEqual([1, 2]);
    expect(queue.push(3)).toBe(false);
  });

  it('fails instead of growing', async () => {
    const queue = new BoundedQueue<number>(1);
    expect(queue.push(1)).toBe(true);
    expect(queue.push(2)).toBe(false);

    await expect(Array.fromAsync(queue)).rejects.toMatchObject({ reason: 'Expired' });
  });
});

describe('ManualClock', () => {
  it('fires timers at their own time and in order', async () => {
    const clock = new ManualClock(0);
    const fired: string[] = [];
    clock.after(20, () => fired.push(`late ${clock.now()}`));
    clock.after(10, () => fired.push(`early ${clock.now()}`));
    const ticker = clock.every(8, () => fired.push(`tick ${clock.now()}`));

    await clock.advance(20);
    ticker[Symbol.dispose]();
    await clock.advance(100);

    expect(fired).toEqual(['tick 8', 'early 10', 'tick 16', 'late 20']);
    expect(clock.pending).toBe(0);
  });

  it('ends a sleep that is aborted', async () => {
    const controller = new AbortController();
    const sleep = new ManualClock().sleep(1_000, controller.signal);
    controller.abort(new Error('enough'));

    await expect(sleep).rejects.toThrow('enough');
  });
});

describe('SystemClock', () => {
  it('cancels timers and sleeps', async () => {
    const clock = new SystemClock();
    let fired = false;
    clock.after(0, () => (fired = true))[Symbol.dispose]();
    await clock.sleep(5);

    expect(fired).toBe(false);
    expect(clock.monotonic()).toBeGreaterThan(0);
  });

  it('does not fire early what is farther away than a timer reaches', async () => {
    const clock = new SystemClock();
    let fired = false;
    using _timer = clock.after(2 ** 32, () => (fired = true));
    await clock.sleep(20);

    expect(fired).toBe(false);
  });
});

describe('Backoff', () => {
  it('doubles up to its limit and starts again after a success', () => {
    const backoff = new Backoff({ initialMs: 10, maxMs: 35 });

    expect([backoff.next(), backoff.next(), backoff.next(), backoff.next()]).toEqual([10, 20, 35, 35]);
    backoff.reset();
    expect(backoff.next()).toBe(10);
  });
});

describe('errors and tokens', () => {
  it('knows errors by reason', () => {
    const error = new KeelsonError('Conflict', 'no');

    expect([isReason(error), isReason(error, 'Conflict'), isReason(error, 'NotFound'), isReason(new Error('x'))]).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });

  it('gives the same token for the same name', () => {
    expect(token<number>('x')).toBe(token<number>('x'));
  });
});
