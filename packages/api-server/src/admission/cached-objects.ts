import type { KubernetesObject } from '@keelson/api';
import type { Registry } from '../registry/registry.ts';
import type { Storages } from '../storage/resource-storage.ts';

export interface CachedObjectsDependencies {
  readonly registry: Registry;
  readonly storages: Storages;
}

/** All objects of a built-in kind, out of its cache. Empty if the kind is not served. The caller knows its type. */
export async function cachedObjects<T extends KubernetesObject>(
  { registry, storages }: CachedObjectsDependencies,
  group: string,
  resource: string,
): Promise<readonly T[]> {
  const definition = registry.find(group, 'v1', resource);
  if (!definition) return [];
  const { cache } = storages.of(definition);
  await cache.ready();
  return cache.list().map((item) => item.object() as T);
}
