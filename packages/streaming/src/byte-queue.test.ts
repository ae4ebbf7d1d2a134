import { describe, expect, it } from 'vitest';
import { ByteQueue } from './byte-queue.ts';

describe('ByteQueue', () => {
  it('gives bytes in pieces of any size, none before all of it is there', () => {
    const queue = new ByteQueue();
    for (const piece of ['ab', '', 'c', 'defg']) queue.push(Buffer.from(piece));

    expect(queue.peek(1)?.toString()).toBe('a');
    expect(queue.take(4)?.toString()).toBe('abcd');
    expect(queue.take(4)).toBeUndefined();
    expect(queue.sizeBytes).toBe(3);
    expect(queue.take(3)?.toString()).toBe('efg');
    expect(queue.take(0)?.length).toBe(0);
  });
});
