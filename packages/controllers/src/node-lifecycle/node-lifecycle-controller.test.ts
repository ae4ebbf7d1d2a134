import { formatMicroTime, formatTime } from '@keelson/api';
import { Lease } from '@keelson/api/coordination/v1';
import { Event, Node, Pod } from '@keelson/api/core/v1';
import { eventually, ManualClock } from '@keelson/base/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { taintEvictionController } from '../taint-eviction/taint-eviction-controller.ts';
import { makePod, readyStatus } from '../testing/pods.ts';
import { startWorld, turns, type World } from '../testing/world.ts';
import { nodeLifecycleController } from './node-lifecycle-controller.ts';

const UNREACHABLE = 'node.kubernetes.io/unreachable';

describe('node-lifecycle-controller', () => {
  let world: World;
  let clock: ManualClock;

  beforeEach(async () => {
    clock = new ManualClock();
    world = await startWorld({ clock });
    await addNode('n');
    await addNode('alive');
    await world.run(nodeLifecycleController(), taintEvictionController);
    await turns();
  });

  afterEach(() => world[Symbol.asyncDispose]());

  const nodes = () => world.client.resource(Node);
  const pods = () => world.client.resource(Pod);
  const report = (name: string, status = 'True') => {
    const now = formatTime(clock.now());
    const ready = { type: 'Ready', status, lastHeartbeatTime: now, lastTransitionTime: now };
    return nodes().patchStatus({ name }, 'strategic', { status: { conditions: [ready] } });
  };
  const addNode = async (name: string): Promise<void> => {
    await nodes().create({ metadata: { name } });
    await report(name);
    await world.client.resource(Lease).create({ metadata: { name, namespace: 'kube-node-lease' }, spec: {} });
  };
  const renew = (name: string) =>
    world.client
      .resource(Lease)
      .patch({ name, namespace: 'kube-node-lease' }, 'merge', { spec: { renewTime: formatMicroTime(clock.now()) } });
  /** Lets time pass in which these nodes renew their leases. */
  const live = async (seconds: number, ...alive: readonly string[]): Promise<void> => {
    for (let passed = 0; passed < seconds; passed += 5) {
      for (const name of alive) await renew(name);
      await turns(5);
      await clock.advance(5_000);
      await turns(5);
    }
  };
  const taintsOf = async (name: string) =>
    ((await nodes().get({ name })).spec?.taints ?? []).map(({ key, effect }) => `${key}:${effect}`);
  const readyOf = async (name: string) =>
    (await nodes().get({ name })).status?.conditions?.find(({ type }) => type === 'Ready')?.status;
  const addPod = async (): Promise<void> => {
    await pods().create(makePod('p'));
    await pods().patchStatus({ name: 'p', namespace: 'default' }, 'merge', { status: readyStatus('10.0.0.1') });
  };
  const pod = () => pods().find({ name: 'p', namespace: 'default' });

  it('declares a node unreachable that is silent for 50 s, and keeps one that renews its lease', async () => {
    await live(50, 'alive');
    const before = await readyOf('n');
    await live(10, 'alive');

    expect(before).toBe('True');
    expect(await eventually(async () => (await readyOf('n')) === 'Unknown')).toBe(true);
    expect(await readyOf('alive')).toBe('True');
    const events = (await world.client.resource(Event).list()).items.filter(({ reason }) => reason === 'NodeNotReady');
    expect(events).toMatchObject([
      { message: 'Node n status is now: NodeNotReady', involvedObject: { kind: 'Node', name: 'n' } },
    ]);
  });

  it('makes the pods of an unreachable node not ready, taints it, and evicts them after their toleration', async () => {
    await addPod();

    await live(70, 'alive');
    await eventually(async () => (await taintsOf('n')).length === 2);
    const silent = await eventually(async () => {
      const found = await pod();
      return found?.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'False') && found;
    });
    await live(270, 'alive');
    const kept = (await pod())?.metadata?.deletionTimestamp;
    await live(50, 'alive');

    expect((await taintsOf('n')).toSorted()).toEqual([`${UNREACHABLE}:NoExecute`, `${UNREACHABLE}:NoSchedule`]);
    expect(silent.metadata?.deletionTimestamp).toBeUndefined();
    expect(kept).toBeUndefined();
    const evicted = await eventually(async () => {
      const found = await pod();
      return found?.metadata?.deletionTimestamp !== undefined && found;
    });
    expect(evicted.status?.conditions).toContainEqual(
      expect.objectContaining({ type: 'DisruptionTarget', status: 'True', reason: 'DeletionByTaintManager' }),
    );
  });

  it('takes the taints away when the node is back', async () => {
    await live(70, 'alive');
    await eventually(async () => (await taintsOf('n')).length === 2);

    await report('n');
    await live(10, 'alive', 'n');

    await eventually(async () => (await taintsOf('n')).length === 0);
  });

  it('swaps the taint when an unreachable node reports that it is not ready', async () => {
    await live(70, 'alive');
    await eventually(async () => (await taintsOf('n')).length === 2);

    await report('n', 'False');
    await live(10, 'alive', 'n');

    await eventually(async () => (await taintsOf('n')).every((taint) => taint.startsWith('node.kubernetes.io/not-ready')));
  });

  it('takes no pods away when no node at all is seen to be alive', async () => {
    await live(120);

    expect(await eventually(async () => (await readyOf('n')) === 'Unknown')).toBe(true);
    expect((await taintsOf('n')).filter((taint) => taint.endsWith('NoExecute'))).toEqual([]);
  });

  it('keeps new pods from nodes under pressure, or closed, and leaves the taints of others', async () => {
    const taint = { key: 'mine', effect: 'NoSchedule' };
    const pressure = { type: 'DiskPressure', status: 'True' };
    await nodes().patch({ name: 'n' }, 'merge', { spec: { taints: [taint], unschedulable: true } });
    await nodes().patchStatus({ name: 'n' }, 'strategic', { status: { conditions: [pressure] } });

    const closed = await eventually(async () => {
      const found = await taintsOf('n');
      return found.length === 3 && found.toSorted();
    });
    await nodes().patch({ name: 'n' }, 'merge', { spec: { unschedulable: null } });
    await nodes().patchStatus({ name: 'n' }, 'strategic', { status: { conditions: [{ ...pressure, status: 'False' }] } });

    await eventually(async () => (await taintsOf('n')).length === 1);
    expect(closed).toEqual([
      'mine:NoSchedule',
      'node.kubernetes.io/disk-pressure:NoSchedule',
      'node.kubernetes.io/unschedulable:NoSchedule',
    ]);
  });

  it('writes nothing while all nodes are well', async () => {
    await live(60, 'alive', 'n');

    expect(world.writes).toEqual([]);
  });
});
