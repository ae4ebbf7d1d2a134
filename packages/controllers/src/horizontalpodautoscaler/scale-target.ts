import type { Scale } from '@keelson/api/autoscaling/v1';
import type { CrossVersionObjectReference } from '@keelson/api/autoscaling/v2';
import { KeelsonError } from '@keelson/base';
import type { Client } from '@keelson/client';
import type { ServedKinds } from '../discovery/served-kinds.ts';
import type { ServedResource } from '../discovery/served-resources.ts';
import type { DescribedObject } from './metrics-reader.ts';

interface Dependencies {
  readonly client: Client;
  readonly kinds: ServedKinds;
}

/** Reads and writes how many pods a workload wants, whatever its kind: by its `/scale`. */
export class ScaleTargets {
  readonly #dependencies: Dependencies;

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies;
  }

  async get(reference: CrossVersionObjectReference, namespace: string): Promise<Scale> {
    const resource = await this.#resourceOf(reference).catch((cause: unknown) => {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new KeelsonError('NotFound', `unable to determine resource for scale target reference: ${why}`, { cause });
    });
    return (await this.#scales(resource).subresource(
      { name: reference.name, namespace },
      { subresource: 'scale', method: 'GET' },
    )) as Scale;
  }

  /** Rejects with `Conflict` if the workload has changed since `scale` was read. */
  async set(reference: CrossVersionObjectReference, scale: Scale, replicas: number): Promise<void> {
    const resource = await this.#resourceOf(reference);
    const where = { name: reference.name, namespace: scale.metadata?.namespace ?? '' };
    const body = { ...scale, spec: { ...scale.spec, replicas } };
    await this.#scales(resource).subresource(where, { subresource: 'scale', method: 'PUT', body });
  }

  async describe(reference: CrossVersionObjectReference): Promise<DescribedObject> {
    const { group, resource, namespaced } = await this.#resourceOf(reference);
    return { group, resource, namespaced, name: reference.name };
  }

  #scales(resource: ServedResource): ReturnType<Client['resource']> {
    return this.#dependencies.client.resource(resource);
  }

  async #resourceOf({ apiVersion = 'v1', kind }: CrossVersionObjectReference): Promise<ServedResource> {
    const found = await this.#dependencies.kinds.find(apiVersion, kind);
    if (found) return found;
    throw new KeelsonError('NotFound', `no matches for kind "${kind}" in version "${apiVersion}"`);
  }
}
