import type { Event, Pod } from '@keelson/api/core/v1';
import { KeelsonError, silentLogger } from '@keelson/base';
import { ManualClock } from '@keelson/base/testing';
import { createClient } from '@keelson/client';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EventRecorder } from './event-recorder.ts';
import { MemoryApi } from './testing/memory-api.ts';

const POD: Pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'web', namespace: 'dev', uid: 'u1', resourceVersion: '7' } };

describe('EventRecorder', () => {
  let api: MemoryApi;
  let clock: ManualClock;
  let recorder: EventRecorder;

  beforeEach(() => {
    api = new MemoryApi();
    clock = new ManualClock(Date.UTC(2026, 0, 1));
    recorder = new EventRecorder({
      client: createClient(api),
      clock,
      logger: silentLogger,
      component: 'kubelet',
      host: 'node-1',
    });
  });

  afterEach(async () => {
    await recorder.stop();
    expect(clock.pending).toBe(0);
  });

  const events = (): Event[] => [...api.objects.values()].map((object) => object as unknown as Event);

  it('writes under another name if its own is taken by what another component tells', async () => {
    let isTaken = true;
    api.intercept = ({ method }) => {
      if (method !== 'POST' || !isTaken) return;
      isTaken = false;
      throw new KeelsonError('AlreadyExists', 'events "web.1" already exists');
    };

    recorder.event(POD, 'Normal', 'Pulled', 'The image is there');
    await recorder.flush();

    expect(events()).toMatchObject([{ reason: 'Pulled' }]);
  });

  it('writes who tells what about which object', async () => {
    recorder.event(POD, 'Normal', 'Pulled', 'The image is there');
    await recorder.flush();

    expect(events()).toMatchObject([
      {
        metadata: { namespace: 'dev' },
        involvedObject: { apiVersion: 'v1', kind: 'Pod', namespace: 'dev', name: 'web', uid: 'u1', resourceVersion: '7' },
        type: 'Normal',
        reason: 'Pulled',
        message: 'The image is there',
        source: { component: 'kubelet', host: 'node-1' },
        reportingComponent: 'kubelet',
        reportingInstance: 'node-1',
        count: 1,
        firstTimestamp: '2026-01-01T00:00:00Z',
        lastTimestamp: '2026-01-01T00:00:00Z',
      },
    ]);
    expect(events()[0]?.metadata.name).toMatch(/^web\.[0-9a-f]{16}$/);
  });

  it('puts events of cluster-scoped objects into default, and can name a part of an object', async () => {
    recorder.event({ kind: 'Node', apiVersion: 'v1', metadata: { name: 'node-1' } }, 'Normal', 'Ready', 'is ready');
    recorder.event({ kind: 'Pod', name: 'web', namespace: 'dev', fieldPath: 'spec.containers{c}' }, 'Normal', 'Started', 'runs');
    await recorder.flush();

    expect(events().map(({ metadata }) => metadata.namespace)).toEqual(['default', 'dev']);
    expect(events()[1]?.involvedObject.fieldPath).toBe('spec.containers{c}');
  });

  it('counts an event that comes again', async () => {
    recorder.event(POD, 'Warning', 'BackOff', 'waits');
    await clock.advance(30_000);
    recorder.event(POD, 'Warning', 'BackOff', 'waits');
    recorder.event(POD, 'Warning', 'BackOff', 'waits');
    await recorder.flush();

    expect(events()).toMatchObject([{ count: 3, firstTimestamp: '2026-01-01T00:00:00Z', lastTimestamp: '2026-01-01T00:00:30Z' }]);
  });

  it('makes one event of many similar ones', async () => {
    for (let at = 0; at < 15; at += 1) recorder.event(POD, 'Warning', 'Failed', `message ${at}`);
    await recorder.flush();
    const combined = events().filter(({ message }) => message?.startsWith('(combined from similar events): '));

    expect(events()).toHaveLength(10);
    expect(combined).toMatchObject([{ count: 6, message: '(combined from similar events): message 14' }]);
  });

  it('tells similar events apart again after ten minutes', async () => {
    for (let at = 0; at < 9; at += 1) recorder.event(POD, 'Warning', 'Failed', `message ${at}`);
    await clock.advance(10 * 60_000 + 1);
    recorder.event(POD, 'Warning', 'Failed', 'another');
    await recorder.flush();

    expect(events().at(-1)?.message).toBe('another');
  });

  it('writes 25 events about one object at once and then one every five minutes', async () => {
    for (let at = 0; at < 60; at += 1) recorder.event(POD, 'Normal', `Reason${at}`, 'x');
    await recorder.flush();
    expect(events()).toHaveLength(25);
    await clock.advance(5 * 60_000);
    recorder.event(POD, 'Normal', 'Later', 'x');
    recorder.event(POD, 'Normal', 'TooMuch', 'x');
    recorder.event({ ...POD, metadata: { ...POD.metadata, name: 'other', uid: 'u2' } }, 'Normal', 'Other', 'x');
    await recorder.flush();

    expect(
      events()
        .map(({ reason }) => reason)
        .slice(25),
    ).toEqual(['Later', 'Other']);
  });

  it('writes an event anew that has expired on the server', async () => {
    recorder.event(POD, 'Normal', 'A', 'x');
    await recorder.flush();
    api.objects.clear();
    recorder.event(POD, 'Normal', 'A', 'x');
    await recorder.flush();

    expect(events()).toMatchObject([{ count: 2 }]);
  });

  it('tries again while the server is away, and gives up on what it refuses', async () => {
    const failures = [new KeelsonError('ServiceUnavailable', 'away'), new KeelsonError('Timeout', 'away')];
    api.intercept = ({ body }) => {
      const failure = failures.shift();
      if (failure) throw failure;
      if ((body as Event).reason === 'Refused') throw new KeelsonError('Forbidden', 'the namespace is being terminated');
    };
    recorder.event(POD, 'Normal', 'A', 'x');
    recorder.event(POD, 'Normal', 'Refused', 'x');
    recorder.event(POD, 'Normal', 'B', 'x');
    await clock.advance(20_000);
    await recorder.flush();

    expect(events().map(({ reason }) => reason)).toEqual(['A', 'B']);
  });

  it('stops at once while the server is away, and takes nothing afterwards', async () => {
    api.intercept = () => {
      throw new KeelsonError('ServiceUnavailable', 'away');
    };
    recorder.event(POD, 'Normal', 'A', 'x');
    recorder.event(POD, 'Normal', 'B', 'x');
    await clock.advance(0);
    await recorder.stop();
    const calls = api.calls.length;
    recorder.event(POD, 'Normal', 'C', 'x');
    await recorder.flush();

    expect(api.calls).toHaveLength(calls);
  });
});
