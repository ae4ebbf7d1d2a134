import { ConfigMap } from '@keelson/api/core/v1';
import { silentLogger } from '@keelson/base';
import { ManualClock } from '@keelson/base/testing';
import { createClient } from '@keelson/client';
import { Container, inject } from 'inversify';
import { Subject } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { Controller, decoratedController, type ReconcilerOf } from './decorators.ts';
import { MultiClusterManager, type ClusterChange } from './multi-cluster.ts';
import { createOperator, type OperatorOptions } from './run-operator.ts';
import { MemoryApi } from './testing/memory-api.ts';

const at = (name: string) => ({ name, namespace: 'default' });

function world(): {
  readonly api: MemoryApi;
  readonly options: Pick<OperatorOptions, 'client' | 'clock' | 'logger'>;
  readonly clock: ManualClock;
} {
  const api = new MemoryApi();
  const clock = new ManualClock();
  return { api, clock, options: { client: createClient(api), clock, logger: silentLogger } };
}

describe('createOperator', () => {
  it('runs what is set up, and says how it is doing', async () => {
    const { options, clock } = world();
    const seen: string[] = [];
    const operator = await createOperator({
      ...options,
      name: 'test',
      setUp: ({ control }) =>
        control({ for: ConfigMap, reconcile: async ({ metadata }) => void seen.push(metadata?.name ?? '') }),
    });
    await operator.start(new AbortController().signal);

    await options.client?.resource(ConfigMap).create({ metadata: at('a') });
    await clock.advance(0);
    await operator.stop();

    expect(seen).toEqual(['a']);
  });

  it('works only as the leader, and says when it is not any more', async () => {
    const { api, options, clock } = world();
    let runs = 0;
    const operator = await createOperator({
      ...options,
      name: 'test',
      leaderElection: { namespace: 'default' },
      setUp: ({ control }) => control({ for: ConfigMap, reconcile: async () => void (runs += 1) }),
    });
    await options.client?.resource(ConfigMap).create({ metadata: at('a') });
    await operator.start(new AbortController().signal);
    await clock.advance(100);
    const leading = runs;
    api.intercept = () => {
      throw new Error('nobody is there');
    };
    await clock.advance(20_000);
    await operator.lost;
    await operator.stop();

    expect(leading).toBe(1);
  });
});

const GREETING = Symbol('greeting');
const greeted: string[] = [];

@Controller({ for: ConfigMap, finalizer: 'test/greeter' })
class Greeter implements ReconcilerOf<ConfigMap> {
  readonly #greeting: string;

  constructor(@inject(GREETING) greeting: string) {
    this.#greeting = greeting;
  }

  async reconcile({ metadata }: ConfigMap): Promise<void> {
    greeted.push(`${this.#greeting} ${metadata?.name}`);
  }

  async cleanUp({ metadata }: ConfigMap): Promise<void> {
    greeted.push(`bye ${metadata?.name}`);
  }
}

describe('@Controller', () => {
  it('makes a controller of a class, whose constructor is given what it asks for', async () => {
    const { options, clock } = world();
    const container = new Container();
    container.bind(GREETING).toConstantValue('hello');
    const operator = await createOperator({
      ...options,
      name: 'test',
      setUp: (parts) => parts.manager.add(decoratedController(Greeter, container, parts)),
    });
    await operator.start(new AbortController().signal);

    await options.client?.resource(ConfigMap).create({ metadata: at('a') });
    await clock.advance(0);
    await options.client?.resource(ConfigMap).delete(at('a'));
    await clock.advance(0);
    await operator.stop();

    expect([greeted[0], greeted.at(-1)]).toEqual(['hello a', 'bye a']);
  });

  it('refuses a class without it', () => {
    class Plain implements ReconcilerOf<ConfigMap> {
      async reconcile(): Promise<void> {}
    }

    expect(() => decoratedController(Plain, new Container(), {} as never)).toThrow('class Plain is decorated with @Controller');
  });
});

describe('MultiClusterManager', () => {
  it('works on each cluster by itself, from when it joins until it leaves', async () => {
    const clusters = ['east', 'west'].map((name) => ({ name, api: new MemoryApi() }));
    const [east, west] = clusters.map(({ name, api }) => ({ name, client: createClient(api) }));
    const clock = new ManualClock();
    const clusters$ = new Subject<ClusterChange>();
    const seen: string[] = [];
    const manager = new MultiClusterManager({
      clusters$,
      clock,
      logger: silentLogger,
      setUp: (own, { name }) => {
        const maps = own.informers.for(ConfigMap);
        maps.deltas$.subscribe((deltas) => seen.push(...deltas.map(({ object }) => `${name}/${object.metadata?.name}`)));
      },
    });
    await manager.start(new AbortController().signal);
    if (!east || !west) throw new Error('there are two clusters');

    clusters$.next({ type: 'joined', cluster: east });
    clusters$.next({ type: 'joined', cluster: west });
    await clock.advance(0);
    await west.client.resource(ConfigMap).create({ metadata: at('a') });
    clusters$.next({ type: 'left', name: 'west' });
    await clock.advance(0);
    await west.client.resource(ConfigMap).create({ metadata: at('b') });
    await east.client.resource(ConfigMap).create({ metadata: at('c') });
    await clock.advance(0);
    const left = manager.clusters;
    await manager.stop();

    expect(seen).toEqual(['west/a', 'east/c']);
    expect([left, manager.clusters]).toEqual([['east'], []]);
  });

  it('is not held up by a cluster that cannot be reached', async () => {
    const broken = new MemoryApi();
    broken.intercept = ({ signal }) =>
      new Promise((_, reject) => signal?.addEventListener('abort', () => reject(new Error('given up'))));
    const clock = new ManualClock();
    const clusters$ = new Subject<ClusterChange>();
    const names: string[] = [];
    const setUp = (
      own: { readonly informers: { for(kind: typeof ConfigMap): unknown } },
      { name }: { readonly name: string },
    ): void => {
      own.informers.for(ConfigMap);
      names.push(name);
    };
    const manager = new MultiClusterManager({ clusters$, clock, logger: silentLogger, setUp });
    await manager.start(new AbortController().signal);

    clusters$.next({ type: 'joined', cluster: { name: 'broken', client: createClient(broken) } });
    clusters$.next({ type: 'joined', cluster: { name: 'fine', client: createClient(new MemoryApi()) } });
    await clock.advance(0);
    await manager.stop();

    expect(names).toEqual(['broken', 'fine']);
  });
});
