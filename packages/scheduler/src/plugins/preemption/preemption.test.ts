import { Event, Node, Pod } from '@keelson/api/core/v1';
import { PriorityClass } from '@keelson/api/scheduling/v1';
import { startTestApiServer, type TestApiServer } from '@keelson/api-server/testing';
import { KeelsonError, silentLogger } from '@keelson/base';
import { eventually, ManualClock } from '@keelson/base/testing';
import { createClient, type ApiCall, type Client, type Transport } from '@keelson/client';
import { EventRecorder, InformerFactory } from '@keelson/controller-runtime';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EventObserver } from '../../event-observer.ts';
import { Scheduler } from '../../scheduler.ts';

const namespace = 'default';

let api: TestApiServer;
let client: Client;
let clock: ManualClock;
let running: { stop(): Promise<void> }[];
/** What this gives for a call of the scheduler is thrown instead. */
let failure: (call: ApiCall) => Error | undefined;

beforeEach(async () => {
  api = await startTestApiServer();
  client = createClient(api.transport);
  clock = new ManualClock();
  running = [];
  failure = () => undefined;
  const classes = client.resource(PriorityClass);
  await classes.create({ metadata: { name: 'high' }, value: 1000 });
  await classes.create({ metadata: { name: 'middle' }, value: 500 });
  await classes.create({ metadata: { name: 'polite' }, value: 1000, preemptionPolicy: 'Never' });
  await client.resource(Node).create({ metadata: { name: 'a' } });
  const status = { allocatable: { cpu: '2', memory: '2Gi', pods: '10' } };
  await client.resource(Node).patchStatus({ name: 'a' }, 'merge', { status });
});

afterEach(async () => {
  await stop();
  await api.close();
});

async function stop(): Promise<void> {
  for (const part of running.splice(0).toReversed()) await part.stop();
}

async function start(): Promise<void> {
  const transport: Transport = {
    ...api.transport,
    request: async (call) => {
      const error = failure(call);
      if (error) throw error;
      return api.transport.request(call);
    },
    watch: (call) => api.transport.watch(call),
    stream: (call) => api.transport.stream(call),
    upgrade: (call, protocols) => api.transport.upgrade(call, protocols),
    close: async () => undefined,
  };
  const world = { client: createClient(transport), clock, logger: silentLogger };
  const informers = new InformerFactory(world);
  const events = new EventRecorder({ ...world, component: 'default-scheduler' });
  const scheduler = new Scheduler({ ...world, informers, observer: new EventObserver(events) });
  running.push(events, informers, scheduler);
  await informers.start(new AbortController().signal);
  await scheduler.start(new AbortController().signal);
}

function make(name: string, cpu: string, spec: Partial<NonNullable<Pod['spec']>> = {}): Promise<Pod> {
  const containers = [{ name: 'c', image: 'i', resources: { requests: { cpu } } }];
  return client.resource(Pod).create({ metadata: { name, namespace }, spec: { containers, ...spec } });
}

const find = (name: string) => client.resource(Pod).find({ name, namespace });
const nodeOf = async (name: string) => (await find(name))?.spec?.nodeName;
const nominatedNode = async (name: string) => (await find(name))?.status?.nominatedNodeName;
const messageOf = async (name: string) =>
  (await find(name))?.status?.conditions?.find(({ type }) => type === 'PodScheduled')?.message;
const isGoing = async (name: string) => (await find(name))?.metadata?.deletionTimestamp;
/** What its kubelet does when it has stopped. */
const end = (name: string) => client.resource(Pod).delete({ name, namespace }, { gracePeriodSeconds: 0 });

/** Time goes on meanwhile: pods that could not be placed are tried again. */
const inTime = <T>(look: () => Promise<T | undefined | false>): Promise<T> =>
  eventually(async () => {
    await clock.advance(100);
    return look();
  });

describe('preemption', () => {
  it('ends a pod that matters less with its grace, and takes its place', async () => {
    await start();
    await make('low', '2', { terminationGracePeriodSeconds: 7 });
    await inTime(() => nodeOf('low'));

    const { metadata } = await make('high', '1', { priorityClassName: 'high' });

    await inTime(() => isGoing('low'));
    const victim = await find('low');
    expect(victim?.metadata?.deletionGracePeriodSeconds).toBe(7);
    expect(victim?.status?.conditions?.find(({ type }) => type === 'DisruptionTarget')).toMatchObject({
      status: 'True',
      reason: 'PreemptionByScheduler',
      message: 'default-scheduler: preempting to accommodate a higher priority pod',
    });
    expect(await inTime(() => nominatedNode('high'))).toBe('a');
    const { items } = await client.resource(Event).list();
    expect(items.find(({ reason }) => reason === 'Preempted')).toMatchObject({
      involvedObject: { name: 'low' },
      message: `Preempted by pod ${metadata?.uid} on node a`,
    });
    expect(await nodeOf('high')).toBeUndefined();
    await end('low');
    expect(await inTime(() => nodeOf('high'))).toBe('a');
  });

  it('takes no second victim while the first one is going', async () => {
    await start();
    for (const name of ['low1', 'low2']) await make(name, '1', { terminationGracePeriodSeconds: 30 });
    await inTime(async () => (await nodeOf('low1')) && (await nodeOf('low2')));
    await make('high', '1', { priorityClassName: 'high' });
    await inTime(() => nominatedNode('high'));

    await client.resource(Node).patch({ name: 'a' }, 'merge', { metadata: { labels: { any: 'change' } } });
    const message = await inTime(async () => (await messageOf('high'))?.includes('not eligible') && messageOf('high'));

    expect(message).toContain('preemption: not eligible due to a terminating pod on the nominated node.');
    expect([await isGoing('low1'), await isGoing('low2')].filter(Boolean)).toHaveLength(1);
    expect(await nominatedNode('high')).toBe('a');
  });

  it('keeps the room from pods that matter less, also in a scheduler that takes over', async () => {
    await start();
    await make('low', '2');
    await inTime(() => nodeOf('low'));
    await make('high', '2', { priorityClassName: 'high' });
    await inTime(() => nominatedNode('high'));
    await stop();
    await make('thief', '2', { priorityClassName: 'middle' });
    await end('low');

    await start();

    expect(await inTime(() => nodeOf('high'))).toBe('a');
    expect(await nodeOf('thief')).toBeUndefined();
  });

  it('gives the room to a pod that matters more, and says so on the other', async () => {
    await start();
    await make('low', '2');
    await inTime(() => nodeOf('low'));
    await make('middle', '2', { priorityClassName: 'middle' });
    await inTime(() => nominatedNode('middle'));

    await make('high', '2', { priorityClassName: 'high' });

    await inTime(() => nominatedNode('high'));
    await inTime(async () => (await find('middle'))?.status && !(await nominatedNode('middle')));
    await end('low');
    expect(await inTime(() => nodeOf('high'))).toBe('a');
  });

  it.each([
    {
      title: 'that is polite',
      spec: { priorityClassName: 'polite' },
      message: 'preemption: not eligible due to preemptionPolicy=Never.',
    },
    {
      title: 'that no node could hold',
      spec: { priorityClassName: 'high', nodeSelector: { no: 'where' } },
      message: 'preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.',
    },
  ])('ends nobody for a pod $title', async ({ spec, message }) => {
    await start();
    await make('low', '2');
    await inTime(() => nodeOf('low'));

    await make('p', '1', spec);

    expect(await inTime(() => messageOf('p'))).toContain(message);
    expect(await isGoing('low')).toBeUndefined();
  });

  it('tries again when the API does not let it end a pod', async () => {
    let failures = 0;
    failure = ({ method, path }) => {
      if (method !== 'DELETE' || !path.endsWith('/pods/low') || failures >= 2) return undefined;
      failures += 1;
      return new KeelsonError('ServiceUnavailable', 'not now');
    };
    await start();
    await make('low', '2');
    await inTime(() => nodeOf('low'));

    await make('high', '2', { priorityClassName: 'high' });

    await inTime(() => isGoing('low'));
    expect(failures).toBe(2);
  });
});
