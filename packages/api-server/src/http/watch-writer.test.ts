import { ManualClock } from '@keelson/base/testing';
import { describe, expect, it } from 'vitest';
import { WatchNote } from '../storage/cache-event.ts';
import { storageKind } from '../storage/storage-kind.ts';
import { StoredObject, type ObjectShape } from '../storage/stored-object.ts';
import type { BodyWriter } from './exchange.ts';
import { WatchWriter, type WatchFormat } from './watch-writer.ts';

const shape: ObjectShape = {
  kind: storageKind('', 'v1', 'ConfigMap'),
  namespaced: true,
  fields: () => ({}),
  remember: () => undefined,
};

/** A client that reads when it is told to. */
class SlowBody implements BodyWriter {
  readonly isChunked = false;
  readonly read: string[] = [];
  #unread: Buffer[] = [];
  #onDrain: (() => void) | undefined;
  ended = false;
  destroyed = false;

  get backlogBytes(): number {
    return this.#unread.reduce((sum, { length }) => sum + length, 0);
  }

  write(bytes: Uint8Array): void {
    this.#unread.push(Buffer.from(bytes));
  }

  writeRaw(bytes: Uint8Array): void {
    this.write(bytes);
  }

  onDrain(listener: () => void): void {
    this.#onDrain = listener;
  }

  end(): void {
    this.ended = true;
  }

  destroy(): void {
    this.destroyed = true;
  }

  readAll(): void {
    while (this.#unread.length > 0) {
      this.read.push(...this.#unread.splice(0).map(String));
      const drained = this.#onDrain;
      this.#onDrain = undefined;
      drained?.();
    }
  }
}

const format: WatchFormat = {
  name: 'v1',
  frame: (note) => note.frame(),
  bookmark: (resourceVersion) => ({ metadata: { resourceVersion } }),
  line: (event) => Buffer.from(`${JSON.stringify(event)}\n`),
};

function note(revision: number, data = 'x'): WatchNote {
  const object = { metadata: { name: `m${revision}`, namespace: 'default' }, data };
  const item = StoredObject.draft(shape, `/registry/configmaps/default/m${revision}`, object);
  item.commit(revision);
  return new WatchNote('ADDED', item);
}

function setUp() {
  const clock = new ManualClock(0);
  const body = new SlowBody();
  const writer = new WatchWriter(body, format, clock);
  const cuts: string[] = [];
  writer.onCut = () => void cuts.push('cut');
  return { clock, body, writer, cuts };
}

const nameOf = (line: string): string => (JSON.parse(line) as { object: { metadata: { name: string } } }).object.metadata.name;

describe('WatchWriter', () => {
  it('keeps the order for a client that stops to read for a while', () => {
    const { body, writer, cuts } = setUp();
    const big = 'x'.repeat(100_000);

    for (let at = 1; at <= 50; at += 1) writer.notes([note(at, big)]);
    const heldBytes = body.backlogBytes;
    body.readAll();

    expect(heldBytes).toBeLessThan(512 * 1024);
    expect(body.read.map(nameOf)).toEqual(Array.from({ length: 50 }, (_, at) => `m${at + 1}`));
    expect(cuts).toEqual([]);
  });

  it('cuts off a client that does not read at all, in a way that looks like an ordinary end', async () => {
    const { body, writer, cuts, clock } = setUp();

    for (let at = 1; at <= 10_000; at += 1) writer.notes([note(at, 'x'.repeat(1_000))]);

    expect(cuts).toEqual(['cut']);
    expect(body).toMatchObject({ ended: true, destroyed: false });
    expect(body.backlogBytes).toBeLessThan(512 * 1024);
    await clock.advance(5_000);
    expect(body.destroyed).toBe(true);
  });

  it('does not count the state at the start as slowness', () => {
    const { body, writer, cuts } = setUp();

    writer.notes(Array.from({ length: 20_000 }, (_, at) => note(at + 1)));
    body.readAll();

    expect(body.read).toHaveLength(20_000);
    expect(cuts).toEqual([]);
  });

  it('ends after what is waiting', () => {
    const { body, writer } = setUp();
    for (let at = 1; at <= 10; at += 1) writer.notes([note(at, 'x'.repeat(100_000))]);

    writer.end();
    const endedEarly = body.ended;
    body.readAll();

    expect(endedEarly).toBe(false);
    expect(body.ended).toBe(true);
    expect(body.read).toHaveLength(10);
  });
});
