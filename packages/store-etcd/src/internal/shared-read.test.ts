import { describe, expect, it } from 'vitest';
import { SharedRead } from './shared-read.ts';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('SharedRead', () => {
  it('gives each the answer of a read that began after they asked, with no more reads than are needed', async () => {
    const reads: PromiseWithResolvers<number>[] = [];
    const shared = new SharedRead(() => {
      const read = Promise.withResolvers<number>();
      reads.push(read);
      return read.promise;
    });

    const first = shared.get();
    const others = [shared.get(), shared.get(), shared.get()];
    const whileFirst = reads.length;
    reads[0]?.resolve(1);
    await turn();
    const late = shared.get();
    reads[1]?.resolve(2);
    const seen = await Promise.all(others);
    await turn();
    reads[2]?.resolve(3);

    expect([await first, ...seen, await late]).toEqual([1, 2, 2, 2, 3]);
    expect([whileFirst, reads.length]).toEqual([1, 3]);
  });

  it('lets those wait no longer whose read fails, and reads again', async () => {
    let reads = 0;
    const shared = new SharedRead(async () => {
      reads += 1;
      if (reads === 1) throw new Error('broken');
      return reads;
    });

    const [first, second] = await Promise.allSettled([shared.get(), shared.get()]);

    expect([first.status, second.status, await shared.get()]).toEqual(['rejected', 'fulfilled', 3]);
  });
});
