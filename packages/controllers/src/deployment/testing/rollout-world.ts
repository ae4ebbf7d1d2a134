import { isPodReady, nameOf } from '@keelson/api';
import { Deployment, type DeploymentSpec, type ReplicaSet } from '@keelson/api/apps/v1';
import type { Pod } from '@keelson/api/core/v1';
import { isActive, templateOf, WorkloadWorld } from '../../pod-control/testing/workload-world.ts';
import { replicaSetController } from '../../replicaset/replicaset-controller.ts';
import { deploymentController } from '../deployment-controller.ts';

export const REVISION = 'deployment.kubernetes.io/revision';

/** What one could see of the pods at one moment. */
export interface Moment {
  readonly active: number;
  readonly ready: number;
}

export function deploymentOf(name: string, spec: Partial<DeploymentSpec> = {}): Deployment {
  const selector = { matchLabels: { app: name } };
  return { metadata: { name }, spec: { replicas: 3, selector, template: templateOf(name), ...spec } };
}

export function imagePatch(tag: string): unknown {
  return { spec: { template: { spec: { containers: [{ name: 'c', image: `nginx:${tag}` }] } } } };
}

export function imageOf({ spec }: ReplicaSet): string | undefined {
  return spec?.template?.spec?.containers[0]?.image;
}

/** Deployments and ReplicaSets at work; the test says when pods become ready and when they end. */
export class RolloutWorld implements AsyncDisposable {
  readonly world: WorkloadWorld;
  readonly moments: Moment[] = [];

  private constructor(world: WorkloadWorld) {
    this.world = world;
  }

  static async start(): Promise<RolloutWorld> {
    return new RolloutWorld(await WorkloadWorld.start(deploymentController, replicaSetController));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.world[Symbol.asyncDispose]();
  }

  get deployment(): Promise<Deployment> {
    return this.world.get(Deployment, 'web');
  }

  create(spec: Partial<DeploymentSpec> = {}): Promise<Deployment> {
    return this.world.create(Deployment, deploymentOf('web', spec));
  }

  patch(patch: unknown): Promise<Deployment> {
    return this.world.patch(Deployment, 'web', patch);
  }

  when(holds: (deployment: Deployment) => boolean): Promise<Deployment> {
    return this.world.when(Deployment, 'web', holds);
  }

  /** Lets controllers finish what they can do now. */
  async settle(): Promise<void> {
    for (let turn = 0; turn < 4; turn += 1) {
      await this.world.clock.advance(20);
      await this.world.settle();
    }
    const active = (await this.world.pods()).filter(isActive);
    this.moments.push({ active: active.length, ready: active.filter(isPodReady).length });
  }

  /** One pod that is not ready becomes so, and one that is terminating ends. False if there is none. */
  async step(): Promise<boolean> {
    const pods = await this.world.pods();
    const terminating = pods.find((pod) => !isActive(pod));
    const starting = pods.find((pod) => isActive(pod) && !isPodReady(pod));
    if (terminating) await this.world.end([terminating]);
    if (starting) await this.world.makeReady([starting]);
    await this.settle();
    return terminating !== undefined || starting !== undefined;
  }

  /** Steps until nothing moves any more. */
  async rollOut(): Promise<Deployment> {
    await this.settle();
    let isMoving = true;
    while (isMoving) isMoving = await this.step();
    return this.deployment;
  }

  /** `image: replicas` of each ReplicaSet, by its image. */
  async sizes(): Promise<Readonly<Record<string, number | undefined>>> {
    const sets = await this.world.replicaSets();
    return Object.fromEntries(sets.map((set) => [imageOf(set) ?? '', set.spec?.replicas]));
  }

  async setOf(tag: string): Promise<ReplicaSet> {
    return (await this.world.replicaSets()).find((set) => imageOf(set) === `nginx:${tag}`) ?? {};
  }

  async podsOf(tag: string): Promise<readonly Pod[]> {
    const name = nameOf(await this.setOf(tag));
    return (await this.world.pods()).filter(({ metadata }) => metadata?.generateName === `${name}-`);
  }
}
