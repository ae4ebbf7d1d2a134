import { Node, Pod } from '@keelson/api/core/v1';
import { startTestApiServer, type TestApiServer } from '@keelson/api-server/testing';
import { silentLogger, SystemClock } from '@keelson/base';
import { createClient, type Client } from '@keelson/client';
import { InformerFactory } from '@keelson/controller-runtime';
import { filter, firstValueFrom, timeout } from 'rxjs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Scheduler } from './scheduler.ts';

describe('Scheduler on a real API server', () => {
  let api: TestApiServer;
  let client: Client;
  let informers: InformerFactory;
  let scheduler: Scheduler;

  beforeEach(async () => {
    api = await startTestApiServer();
    client = createClient(api.transport);
    const clock = new SystemClock();
    informers = new InformerFactory({ client, clock, logger: silentLogger });
    scheduler = new Scheduler({ client, informers, clock, logger: silentLogger });
    await informers.start(new AbortController().signal);
    await scheduler.start(new AbortController().signal);
  });

  afterEach(async () => {
    await scheduler.stop();
    await informers.stop();
    await api.close();
  });

  /** The first state of a pod that `holds`. */
  async function pod(name: string, holds: (pod: Pod) => boolean): Promise<Pod> {
    const known = informers.for(Pod).get(name, 'default');
    if (known && holds(known)) return known;
    const deltas = await firstValueFrom(
      informers.for(Pod).deltas$.pipe(
        filter((all) => all.some(({ object }) => object.metadata?.name === name && holds(object))),
        timeout(10_000),
      ),
    );
    return deltas.map(({ object }) => object).find((each) => each.metadata?.name === name && holds(each)) ?? {};
  }

  it('binds a pod through the binding subresource, and says why another has to wait', async () => {
    const spec = { containers: [{ name: 'c', image: 'nginx', resources: { requests: { cpu: '1' } } }] };
    await client.resource(Node).create({ metadata: { name: 'a' } });
    await client
      .resource(Node)
      .patchStatus({ name: 'a' }, 'merge', { status: { allocatable: { cpu: '1', memory: '1Gi', pods: '10' } } });
    await client.resource(Pod).create({ metadata: { name: 'first', namespace: 'default' }, spec });
    const bound = await pod('first', ({ spec: of }) => of?.nodeName !== undefined);
    await client.resource(Pod).create({ metadata: { name: 'second', namespace: 'default' }, spec });
    const waiting = await pod('second', ({ status }) => status?.conditions !== undefined);

    expect(bound.spec?.nodeName).toBe('a');
    expect(bound.status?.conditions).toMatchObject([{ type: 'PodScheduled', status: 'True' }]);
    expect(waiting.status?.conditions).toMatchObject([
      {
        type: 'PodScheduled',
        status: 'False',
        reason: 'Unschedulable',
        message:
          '0/1 nodes are available: 1 Insufficient cpu. preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod.',
      },
    ]);
  });
});
