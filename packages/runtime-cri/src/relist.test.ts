import { silentLogger } from '@keelson/base';
import { ManualClock } from '@keelson/base/testing';
import type { RuntimeEvent } from '@keelson/runtime';
import { describe, expect, it } from 'vitest';
import { changesBetween, Relist, type Seen, type Snapshot } from './relist.ts';

const snapshot = (
  containers: Readonly<Record<string, Seen['state']>>,
  sandboxes: Readonly<Record<string, Seen['state']>> = {},
): Snapshot => {
  const seen = (states: Readonly<Record<string, Seen['state']>>) =>
    new Map(Object.entries(states).map(([id, state]) => [id, { state, podUid: 'u' }]));
  return { containers: seen(containers), sandboxes: seen(sandboxes) };
};
const typesOf = (events: readonly RuntimeEvent[]) => events.map(({ type }) => type);

describe('changesBetween', () => {
  it.each<{ from: Seen['state'] | undefined; to: Seen['state'] | undefined; want: readonly string[] }>([
    { from: undefined, to: 'created', want: [] },
    { from: 'created', to: 'running', want: ['container-started'] },
    { from: 'running', to: 'running', want: [] },
    { from: 'running', to: 'exited', want: ['container-stopped'] },
    { from: 'created', to: 'exited', want: ['container-started', 'container-stopped'] },
    { from: undefined, to: 'exited', want: ['container-started', 'container-stopped'] },
    { from: 'running', to: undefined, want: ['container-stopped', 'container-deleted'] },
    { from: 'exited', to: undefined, want: ['container-deleted'] },
  ])('tells of a container that was $from and is $to', ({ from, to, want }) => {
    expect(typesOf(changesBetween(snapshot(from ? { c: from } : {}), snapshot(to ? { c: to } : {})))).toEqual(want);
  });

  it.each<{ to: Seen['state'] | undefined }>([{ to: 'not-ready' }, { to: undefined }])(
    'tells of a sandbox that is $to now',
    ({ to }) => {
      const events = changesBetween(snapshot({}, { s: 'ready' }), snapshot({}, to ? { s: to } : {}));

      expect(events).toEqual([{ type: 'sandbox-stopped', podUid: 'u' }]);
    },
  );
});

describe('Relist', () => {
  function setUp() {
    const clock = new ManualClock();
    const events: RuntimeEvent[] = [];
    const runtime = { now: snapshot({}), away: false };
    const relist = new Relist({
      clock,
      logger: silentLogger,
      look: async () => {
        if (runtime.away) throw new Error('away');
        return { containers: new Map(runtime.now.containers), sandboxes: new Map(runtime.now.sandboxes) };
      },
      follow: async () => undefined,
    });
    relist.events$.subscribe((event) => events.push(event));
    return { clock, events, relist, runtime };
  }

  it('looks every second, and at once when it is told to', async () => {
    const { clock, events, relist, runtime } = setUp();
    await clock.advance(0);
    runtime.now = snapshot({ c: 'running' });
    await clock.advance(1000);
    const later = typesOf(events);
    runtime.now = snapshot({ c: 'exited' });

    relist.changed();
    await clock.advance(0);

    expect(later).toEqual(['container-started']);
    expect(typesOf(events)).toEqual(['container-started', 'container-stopped']);
    await relist.close();
  });

  it('says that something may have been missed once a runtime is back', async () => {
    const { clock, events, relist, runtime } = setUp();
    await clock.advance(1000);
    runtime.away = true;
    await clock.advance(5000);
    runtime.away = false;
    runtime.now = snapshot({ c: 'running' });

    await clock.advance(1000);

    expect(typesOf(events)).toEqual(['resync']);
    await relist.close();
  });

  it('tells of the end of what has been made and lost between two looks', async () => {
    const { clock, events, relist } = setUp();
    await clock.advance(0);
    relist.made('sandboxes', 's', { state: 'ready', podUid: 'u' });

    await clock.advance(1000);

    expect(events).toEqual([{ type: 'sandbox-stopped', podUid: 'u' }]);
    await relist.close();
  });
});
