import { PassThrough, Readable, Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { flow } from './flow.ts';

describe('flow', () => {
  it('leads a body on to its end', async () => {
    const out = new PassThrough();
    const read = text(out);

    await flow(Readable.from(['in ', 'pieces']), out);

    expect(await read).toBe('in pieces');
  });

  it('holds no more than buffers of what nobody takes', async () => {
    let made = 0;
    const body = new Readable({
      read() {
        made += 1;
        this.push(Buffer.alloc(16 * 1024));
      },
    });
    const stuck = new Writable({ write: () => undefined });
    const flowing = flow(body, stuck);
    await new Promise(setImmediate);
    await new Promise(setImmediate);

    expect(made).toBeLessThan(20);
    stuck.destroy();
    await expect(flowing).rejects.toThrow('the client is gone');
    expect(body.destroyed).toBe(true);
  });

  it.each([
    { title: 'with an error', error: new Error('reset'), want: 'reset' },
    { title: 'without a word', error: undefined, want: 'the answer broke off' },
  ])('breaks off when the body does, $title', async ({ error, want }) => {
    const body = new PassThrough();
    const out = new PassThrough();
    body.write('half');
    const flowing = flow(body, out);
    body.destroy(error);

    await expect(flowing).rejects.toThrow(want);
    expect(out.destroyed).toBe(true);
  });

  it('lets go of the body when the other side fails', async () => {
    const body = new PassThrough();
    const out = new PassThrough();
    const flowing = flow(body, out);
    out.destroy(new Error('no more'));

    await expect(flowing).rejects.toThrow('no more');
    expect(body.destroyed).toBe(true);
  });
});
