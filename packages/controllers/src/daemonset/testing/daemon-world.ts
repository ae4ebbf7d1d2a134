import { nameOf } from '@keelson/api';
import { ControllerRevision, DaemonSet, type DaemonSetSpec } from '@keelson/api/apps/v1';
import { Node, type NodeSpec, type Pod } from '@keelson/api/core/v1';
import { templateOf, WorkloadWorld } from '../../pod-control/testing/workload-world.ts';
import { targetOf } from '../daemon-pod.ts';
import { daemonSetController } from '../daemon-set-controller.ts';

export function daemonSetOf(spec: Partial<DaemonSetSpec> = {}): DaemonSet {
  const selector = { matchLabels: { app: 'agent' } };
  return { metadata: { name: 'agent' }, spec: { selector, template: templateOf('agent'), ...spec } };
}

export function imagePatch(tag: string): unknown {
  return { spec: { template: { spec: { containers: [{ name: 'c', image: `nginx:${tag}` }] } } } };
}

/** The DaemonSet controller at work; the test says which nodes there are, when pods are bound and become ready, and when they end. */
export class DaemonWorld implements AsyncDisposable {
  readonly world: WorkloadWorld;

  private constructor(world: WorkloadWorld) {
    this.world = world;
  }

  static async start(...nodes: readonly string[]): Promise<DaemonWorld> {
    const daemons = new DaemonWorld(await WorkloadWorld.start(daemonSetController));
    for (const node of nodes) await daemons.addNode(node);
    return daemons;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.world[Symbol.asyncDispose]();
  }

  async addNode(name: string, { labels = {}, ...spec }: NodeSpec & { labels?: Record<string, string> } = {}): Promise<void> {
    await this.world.client.resource(Node).create({ metadata: { name, labels }, spec });
    await this.settle();
  }

  async patchNode(name: string, patch: unknown): Promise<void> {
    await this.world.client.resource(Node).patch({ name }, 'merge', patch);
    await this.settle();
  }

  async create(spec: Partial<DaemonSetSpec> = {}): Promise<DaemonSet> {
    const set = await this.world.create(DaemonSet, daemonSetOf(spec));
    await this.settle();
    return set;
  }

  async patch(patch: unknown): Promise<void> {
    await this.world.patch(DaemonSet, 'agent', patch);
    await this.settle();
  }

  get set(): Promise<DaemonSet> {
    return this.world.get(DaemonSet, 'agent');
  }

  async on(node: string): Promise<readonly Pod[]> {
    return (await this.world.pods()).filter((pod) => targetOf(pod) === node);
  }

  /** `n1 nginx:1`, those that are terminating marked. */
  async images(): Promise<readonly string[]> {
    const pods = await this.world.pods();
    return pods
      .map((pod) => `${targetOf(pod)} ${pod.spec?.containers[0]?.image}${pod.metadata?.deletionTimestamp ? ' ends' : ''}`)
      .toSorted();
  }

  async revisions(): Promise<readonly string[]> {
    const { items } = await this.world.client.resource(ControllerRevision).list({ namespace: 'default' });
    return items.toSorted((a, b) => a.revision - b.revision).map((each) => `${each.revision} ${nameOf(each)}`);
  }

  async ready(pods: readonly Pod[]): Promise<void> {
    for (const pod of pods) await this.world.makeReady([pod], targetOf(pod));
    await this.settle();
  }

  /** Pods become ready and end by themselves, one step at a time, until nothing happens. */
  async arrive(): Promise<void> {
    for (let calls = -1; calls !== this.world.world.calls.length;) {
      calls = this.world.world.calls.length;
      await this.world.end();
      await this.settle();
      await this.ready((await this.world.pods()).filter(isWaiting));
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
