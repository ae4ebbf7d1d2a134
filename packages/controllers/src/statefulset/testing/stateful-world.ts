import { nameOf } from '@keelson/api';
import { ControllerRevision, StatefulSet, type StatefulSetSpec } from '@keelson/api/apps/v1';
import { PersistentVolumeClaim, Pod } from '@keelson/api/core/v1';
import { templateOf, WorkloadWorld } from '../../pod-control/testing/workload-world.ts';
import { claimProtectionController } from '../../storage-protection/claim-protection-controller.ts';
import { statefulSetController } from '../stateful-set-controller.ts';

export function statefulSetOf(spec: Partial<StatefulSetSpec> = {}): StatefulSet {
  const selector = { matchLabels: { app: 'web' } };
  return { metadata: { name: 'web' }, spec: { replicas: 3, serviceName: 'web', selector, template: templateOf('web'), ...spec } };
}

export function imagePatch(tag: string): unknown {
  return { spec: { template: { spec: { containers: [{ name: 'c', image: `nginx:${tag}` }] } } } };
}

/** The StatefulSet controller at work; the test says when pods become ready and when they end. */
export class StatefulWorld implements AsyncDisposable {
  readonly world: WorkloadWorld;

  private constructor(world: WorkloadWorld) {
    this.world = world;
  }

  static async start(): Promise<StatefulWorld> {
    return new StatefulWorld(await WorkloadWorld.start(statefulSetController, claimProtectionController));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.world[Symbol.asyncDispose]();
  }

  async create(spec: Partial<StatefulSetSpec> = {}): Promise<StatefulSet> {
    const set = await this.world.create(StatefulSet, statefulSetOf(spec));
    await this.settle();
    return set;
  }

  async patch(patch: unknown): Promise<void> {
    await this.world.patch(StatefulSet, 'web', patch);
    await this.settle();
  }

  get set(): Promise<StatefulSet> {
    return this.world.get(StatefulSet, 'web');
  }

  async names(): Promise<readonly string[]> {
    return (await this.world.pods()).map(nameOf).toSorted();
  }

  /** `web-0 nginx:1`, those that are terminating marked. */
  async images(): Promise<readonly string[]> {
    const pods = await this.world.pods();
    return pods
      .map((pod) => `${nameOf(pod)} ${pod.spec?.containers[0]?.image}${pod.metadata?.deletionTimestamp ? ' ends' : ''}`)
      .toSorted();
  }

  async revisions(): Promise<readonly ControllerRevision[]> {
    const { items } = await this.world.client.resource(ControllerRevision).list({ namespace: 'default' });
    return items.toSorted((a, b) => a.revision - b.revision);
  }

  async claims(): Promise<readonly PersistentVolumeClaim[]> {
    return (await this.world.client.resource(PersistentVolumeClaim).list({ namespace: 'default' })).items;
  }

  async ready(...names: readonly string[]): Promise<void> {
    for (const name of names) await this.world.makeReady([await this.world.get(Pod, name)]);
    await this.settle();
  }

  /** Pods become ready and end by themselves, one step at a time, until nothing happens. */
  async arrive(): Promise<void> {
    for (let calls = -1; calls !== this.world.world.calls.length;) {
      calls = this.world.world.calls.length;
      await this.world.end();
      await this.settle();
      await this.world.makeReady((await this.world.pods()).filter(isWaiting));
      await this.settle();
    }
  }

  /** Until nothing happens, with failures tried again. */
  async settle(): Promise<void> {
    await this.world.settle();
    await this.world.clock.advance(200);
    await this.world.settle();
  }
}

function isWaiting({ metadata, status }: Pod): boolean {
  return metadata?.deletionTimestamp === undefined && status?.phase === 'Pending';
}
