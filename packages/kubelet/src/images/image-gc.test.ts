import { silentLogger } from '@keelson/base';
import { ManualClock } from '@keelson/base/testing';
import { describe, expect, it } from 'vitest';
import { Alarms } from '../alarms.ts';
import { MemoryRuntime } from '../testing/memory-runtime.ts';
import { ImageGc, type ImageGcOptions } from './image-gc.ts';

const IMAGES = ['old:1', 'older:1', 'used:1', 'new:1', 'mounted:1'];

/** `pulled`: those that the kubelet has pulled itself. */
async function setUp(options: ImageGcOptions, availableBytes: number, pulled: readonly string[] = [...IMAGES, 'newest:1']) {
  const clock = new ManualClock();
  const runtime = new MemoryRuntime(clock);
  const events: string[] = [];
  const disk = { availableBytes, capacityBytes: 1000 };
  runtime.onImageRemoved = (size) => void (disk.availableBytes += size);
  const gc = new ImageGc(
    {
      runtime,
      clock,
      logger: silentLogger,
      alarms: new Alarms(clock),
      nodeName: 'n1',
      events: { event: (_about, _type, reason, message) => void events.push(`${reason}: ${message}`) },
      fileSystem: async () => disk,
      mounted: () => ['mounted:1'],
      pulled: { isOwn: async (_store, { id }) => pulled.includes(id), retain: async () => undefined },
      rights: { retain: async () => undefined },
    },
    options,
  );
  runtime.use('web:1');
  for (const name of IMAGES) runtime.addImage(name, 50);
  await gc.collect();
  const removed = () => runtime.journal.map((line) => line.replace('remove ', '')).sort();
  return { clock, gc, runtime, events, disk, removed };
}

describe('ImageGc', () => {
  it('leaves images alone while their disk has room', async () => {
    const { clock, gc, removed } = await setUp({}, 200);
    await clock.advance(3_600_000);

    await gc.collect();

    expect(removed()).toEqual([]);
  });

  it('removes those unused for longest until there is enough, and none that is in use or new', async () => {
    const { clock, disk, gc, runtime, removed } = await setUp({}, 200);
    runtime.use('used:1');
    const letGo = runtime.use('old:1');
    await clock.advance(1000);
    await gc.collect();
    letGo();
    await clock.advance(600_000);
    runtime.addImage('newest:1', 50);
    disk.availableBytes = 110;

    await gc.collect();

    expect(removed()).toEqual(['new:1', 'older:1']);
    expect(disk.availableBytes).toBe(210);
  });

  it('leaves alone what somebody else has brought', async () => {
    const { clock, disk, gc, removed } = await setUp({}, 200, ['old:1']);
    await clock.advance(600_000);
    disk.availableBytes = 50;

    await gc.collect();
    await gc.removeUnused();

    expect(removed()).toEqual(['old:1']);
  });

  it('removes that too on a runtime of its own, but never what the runtime itself needs', async () => {
    const { clock, gc, removed, runtime } = await setUp({ scope: 'all' }, 200, []);
    runtime.addImage('pause:1', 50, { pinned: true });
    await gc.collect();
    await clock.advance(600_000);

    await gc.removeUnused();

    expect(removed()).toEqual(['new:1', 'old:1', 'older:1', 'used:1']);
  });

  it('says that it could not free enough', async () => {
    const { clock, disk, events, gc } = await setUp({ highThresholdPercent: 90, lowThresholdPercent: 20 }, 200);
    await clock.advance(600_000);
    disk.availableBytes = 50;

    await gc.collect();

    expect(events).toEqual([
      'FreeDiskSpaceFailed: Failed to garbage collect required amount of images. Attempted to free 750 bytes, but only found 200 bytes eligible to free.',
    ]);
  });

  it('removes in any case what nobody has used for too long', async () => {
    const { clock, gc, removed, runtime } = await setUp({ maximumAgeSeconds: 3600 }, 900);
    const letGo = runtime.use('used:1');
    await clock.advance(3_000_000);
    await gc.collect();
    letGo();
    await clock.advance(1_000_000);

    await gc.collect();

    expect(removed()).toEqual(['new:1', 'old:1', 'older:1']);
  });
});
