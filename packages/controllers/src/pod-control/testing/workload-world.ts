import { formatTime, labelSelectorFrom, nameOf, type Kind, type KubernetesObject } from '@keelson/api';
import { ReplicaSet } from '@keelson/api/apps/v1';
import { Event, Pod, type PodTemplateSpec } from '@keelson/api/core/v1';
import { startTestApiServer } from '@keelson/api-server/testing';
import { isReason } from '@keelson/base';
import { eventually, ManualClock } from '@keelson/base/testing';
import type { Client } from '@keelson/client';
import type { ControllerFactory } from '../../controller-context.ts';
import { turns, World } from '../../testing/world.ts';
import { HeldTransport } from './held-transport.ts';

const NAMESPACE = 'default';

/** Controllers of pods on a real API server, time at a standstill, and no kubelet: what happens to pods is up to the test. */
export class WorkloadWorld implements AsyncDisposable {
  readonly clock: ManualClock;
  readonly transport: HeldTransport;
  readonly world: World;
  readonly #controllers: readonly ControllerFactory[];

  private constructor(
    { clock, transport, world }: Pick<WorkloadWorld, 'clock' | 'transport' | 'world'>,
    controllers: readonly ControllerFactory[],
  ) {
    this.#controllers = controllers;
    this.clock = clock;
    this.transport = transport;
    this.world = world;
  }

  static start(...controllers: readonly ControllerFactory[]): Promise<WorkloadWorld> {
    return WorkloadWorld.startWith(new ManualClock(), ...controllers);
  }

  static async startWith(clock: ManualClock, ...controllers: readonly ControllerFactory[]): Promise<WorkloadWorld> {
    const api = await startTestApiServer({ clock });
    const transport = new HeldTransport(api.transport);
    const world = new World({ ...api, transport }, clock, (user) => transport.over(api.server.transport(user)));
    await world.run(...controllers);
    return new WorkloadWorld({ clock, transport, world }, controllers);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.world[Symbol.asyncDispose]();
  }

  /** Stops the controllers and starts new ones, which know nothing of what was done before. */
  async restart(): Promise<void> {
    await this.world.stopControllers();
    await this.world.run(...this.#controllers);
  }

  get client(): Client {
    return this.world.client;
  }

  /** Creates an object in the namespace `default`. */
  create<T extends KubernetesObject>(kind: Kind<T>, object: T): Promise<T> {
    const metadata = { namespace: NAMESPACE, ...object.metadata };
    return this.client.resource(kind).create({ ...object, metadata });
  }

  get<T extends KubernetesObject>(kind: Kind<T>, name: string): Promise<T> {
    return this.client.resource(kind).get({ name, namespace: NAMESPACE });
  }

  patch<T extends KubernetesObject>(kind: Kind<T>, name: string, patch: unknown): Promise<T> {
    return this.client.resource(kind).patch({ name, namespace: NAMESPACE }, 'merge', patch);
  }

  /** The object, as soon as it `holds`. Time moves on a little with each look, so that what failed is tried again. */
  async when<T extends KubernetesObject>(kind: Kind<T>, name: string, holds: (object: T) => boolean): Promise<T> {
    return eventually(async () => {
      await this.clock.advance(10);
      const object = await this.client.resource(kind).find({ name, namespace: NAMESPACE });
      return object && holds(object) && object;
    });
  }

  /** The pods, those that are terminating too, as soon as there are `count`. */
  async whenPods(count: number, labels: Record<string, string> = {}): Promise<readonly Pod[]> {
    return eventually(async () => {
      await this.clock.advance(10);
      const pods = await this.pods(labels);
      return pods.length === count && pods;
    });
  }

  async pods(labels: Record<string, string> = {}): Promise<readonly Pod[]> {
    const labelSelector = labelSelectorFrom({ matchLabels: labels }).toString();
    return (await this.client.resource(Pod).list({ namespace: NAMESPACE, labelSelector })).items;
  }

  /** By age. */
  async replicaSets(): Promise<readonly ReplicaSet[]> {
    const { items } = await this.client.resource(ReplicaSet).list({ namespace: NAMESPACE });
    const ageOf = ({ metadata }: ReplicaSet): string => metadata?.creationTimestamp ?? '';
    return items.toSorted((a, b) => (ageOf(a) < ageOf(b) ? -1 : 1));
  }

  /** Until nothing happens any more that does not wait for time to pass. */
  async settle(): Promise<void> {
    for (let seen = -1; seen !== this.world.calls.length;) {
      seen = this.world.calls.length;
      await turns();
    }
  }

  /** Lets pods run on a node and be ready, as a kubelet would say now. */
  async makeReady(pods: readonly Pod[], nodeName = 'node-1'): Promise<void> {
    const lastTransitionTime = formatTime(this.clock.now());
    const makeReady = async (pod: Pod): Promise<void> => {
      if (pod.spec?.nodeName === undefined) await this.bind(pod, nodeName);
      const conditions = [{ type: 'Ready', status: 'True', lastTransitionTime }];
      await this.setStatus(pod, { phase: 'Running', conditions });
    };
    for (const pod of pods) {
      await makeReady(pod).catch((error: unknown) => {
        // Controllers are at work meanwhile, and may delete one over the news of another.
        if (!isReason(error, 'NotFound')) throw error;
      });
    }
  }

  async setStatus(pod: Pod, status: unknown): Promise<void> {
    await this.client.resource(Pod).patchStatus({ name: nameOf(pod), namespace: NAMESPACE }, 'merge', { status });
  }

  async bind(pod: Pod, nodeName: string): Promise<void> {
    const body = { metadata: { name: nameOf(pod) }, target: { kind: 'Node', name: nodeName } };
    const where = { name: nameOf(pod), namespace: NAMESPACE };
    await this.client.resource(Pod).subresource(where, { subresource: 'binding', method: 'POST', body });
  }

  /** Ends pods that are terminating, or all that are given. */
  async end(pods?: readonly Pod[]): Promise<void> {
    const ending = pods ?? (await this.pods()).filter(({ metadata }) => metadata?.deletionTimestamp !== undefined);
    for (const pod of ending)
      await this.client.resource(Pod).delete({ name: nameOf(pod), namespace: NAMESPACE }, { gracePeriodSeconds: 0 });
  }

  /** The messages of all events of that reason, sorted. */
  async messages(reason: string): Promise<readonly string[]> {
    const { items } = await this.client.resource(Event).list({ namespace: NAMESPACE });
    return items
      .filter((event) => event.reason === reason)
      .map(({ message = '' }) => message)
      .toSorted();
  }
}

export function templateOf(app: string, image = 'nginx:1'): PodTemplateSpec {
  return { metadata: { labels: { app } }, spec: { containers: [{ name: 'c', image }] } };
}

export function isActive({ metadata }: Pod): boolean {
  return metadata?.deletionTimestamp === undefined;
}
