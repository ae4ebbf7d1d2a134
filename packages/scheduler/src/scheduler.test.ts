import type { Node, Pod, PodSpec } from '@keelson/api/core/v1';
import { CLOCK, KeelsonError, LOGGER, silentLogger } from '@keelson/base';
import { ManualClock } from '@keelson/base/testing';
import { CLIENT, createClient } from '@keelson/client';
import { InformerFactory, INFORMERS } from '@keelson/controller-runtime';
import { controllerRuntimeModule } from '@keelson/controller-runtime/module';
import { Container } from 'inversify';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Plugin } from './framework.ts';
import { schedulerModule } from './module.ts';
import { Scheduler, type SchedulerOptions } from './scheduler.ts';
import { SCHEDULER, SCHEDULER_PLUGIN } from './tokens.ts';
import { PodsAndNodes } from './testing/pods-and-nodes.ts';

const node = (name: string, cpu = '2'): Node => ({
  metadata: { name },
  status: { allocatable: { cpu, memory: '4Gi', pods: '110' } },
});
const pod = (name: string, cpu = '1', spec: Partial<PodSpec> = {}): Pod => ({
  metadata: { name, namespace: 'default', generation: 1 },
  spec: { containers: [{ name: 'c', resources: { requests: { cpu } } }], ...spec },
});

describe('Scheduler', () => {
  let api: PodsAndNodes;
  let clock: ManualClock;
  let informers: InformerFactory;
  let scheduler: Scheduler;

  beforeEach(() => {
    api = new PodsAndNodes();
    clock = new ManualClock();
  });

  afterEach(async () => {
    await scheduler.stop();
    await informers.stop();
  });

  async function start(options: SchedulerOptions = {}): Promise<void> {
    const client = createClient(api);
    informers = new InformerFactory({ client, clock, logger: silentLogger });
    scheduler = new Scheduler({ client, informers, clock, logger: silentLogger }, options);
    await informers.start(new AbortController().signal);
    await scheduler.start(new AbortController().signal);
    await settle();
  }
  const settle = async (): Promise<void> => {
    for (let turn = 0; turn < 5; turn += 1) await clock.advance(0);
  };

  it('gives waiting and new pods a node', async () => {
    api.put('nodes', node('a'));
    api.put('pods', pod('early'));
    await start();
    api.put('pods', pod('late'));
    await settle();

    expect(api.bindings).toEqual(['early → a', 'late → a']);
  });

  it('never gives the same room twice, however fast pods come', async () => {
    for (const name of ['a', 'b', 'c']) api.put('nodes', node(name));
    await start();
    for (let at = 0; at < 10; at += 1) api.put('pods', pod(`p${at}`));
    await settle();
    const nodes = api.bindings.map((binding) => binding.split(' → ')[1]);

    expect(nodes.toSorted()).toEqual(['a', 'a', 'b', 'b', 'c', 'c']);
  });

  it('says why a pod has no node, and schedules it when there is room', async () => {
    api.put('nodes', node('a', '1'));
    await start();
    api.put('pods', pod('first'));
    api.put('pods', pod('second'));
    await settle();
    expect(api.pod('second').status?.conditions).toMatchObject([
      {
        type: 'PodScheduled',
        status: 'False',
        reason: 'Unschedulable',
        message:
          '0/1 nodes are available: 1 Insufficient cpu. preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod.',
      },
    ]);

    api.remove('pods', 'first', 'default');
    await clock.advance(2_000);
    await settle();

    expect(api.bindings).toEqual(['first → a', 'second → a']);
  });

  it('schedules waiting pods when a node comes', async () => {
    await start();
    api.put('pods', pod('p'));
    await settle();
    expect(api.bindings).toEqual([]);

    api.put('nodes', node('a'));
    await clock.advance(2_000);

    expect(api.bindings).toEqual(['p → a']);
  });

  it('gives the room back and tries again when a binding fails', async () => {
    api.put('nodes', node('a', '1'));
    api.bindingFailures.push(new KeelsonError('InternalError', 'boom'));
    await start();
    api.put('pods', pod('p'));
    await settle();
    expect(api.bindings).toEqual([]);

    await clock.advance(3_000);

    expect(api.bindings).toEqual(['p → a']);
  });

  it('leaves gated pods alone until their gates are gone, and pods of other schedulers altogether', async () => {
    api.put('nodes', node('a'));
    await start();
    api.put('pods', pod('gated', '1', { schedulingGates: [{ name: 'wait' }] }));
    api.put('pods', pod('foreign', '1', { schedulerName: 'mine' }));
    await settle();
    expect(api.bindings).toEqual([]);

    api.put('pods', pod('gated'));
    await settle();

    expect(api.bindings).toEqual(['gated → a']);
  });

  it('counts pods that name their node themselves', async () => {
    api.put('nodes', node('a', '1'));
    api.put('pods', pod('direct', '1', { nodeName: 'a' }));
    await start();
    api.put('pods', pod('p'));
    await settle();

    expect(api.bindings).toEqual([]);
  });

  it('takes plugins, and lets one of the same name replace an in-tree one', async () => {
    const picky: Plugin = {
      name: 'Picky',
      filter: (_state, _pod, on) => (on.name === 'b' ? undefined : { reason: 'not b', preemptable: false }),
    };
    const noLimits: Plugin = { name: 'NodeResourcesFit', filter: () => undefined };
    for (const name of ['a', 'b']) api.put('nodes', node(name, '1'));
    await start({ plugins: [picky, noLimits] });
    for (const name of ['p', 'q']) api.put('pods', pod(name));
    await settle();

    expect(api.bindings).toEqual(['p → b', 'q → b']);
  });

  it('is put together by a container, with the plugins that are bound', async () => {
    const onlyB: Plugin = {
      name: 'OnlyB',
      filter: (_state, _pod, on) => (on.name === 'b' ? undefined : { reason: 'not b', preemptable: false }),
    };
    const container = new Container();
    container.bind(CLOCK).toConstantValue(clock);
    container.bind(LOGGER).toConstantValue(silentLogger);
    container.bind(CLIENT).toConstantValue(createClient(api));
    container.bind(SCHEDULER_PLUGIN).toConstantValue(onlyB);
    container.load(controllerRuntimeModule(), schedulerModule());
    scheduler = container.get(SCHEDULER);
    informers = container.get(INFORMERS);
    for (const name of ['a', 'b']) api.put('nodes', node(name));
    await informers.start(new AbortController().signal);
    await scheduler.start(new AbortController().signal);
    api.put('pods', pod('p'));
    await settle();

    expect(api.bindings).toEqual(['p → b']);
  });
});
