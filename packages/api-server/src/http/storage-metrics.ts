import type { Storages } from '../storage/resource-storage.ts';

/** How many objects there are of each kind that was asked for so far, in Prometheus' text format. */
export function storageMetrics(storages: Storages): string {
  const lines = ['# HELP apiserver_storage_objects Objects that are stored, by kind.', '# TYPE apiserver_storage_objects gauge'];
  for (const { resourceName, cache } of storages)
    lines.push(`apiserver_storage_objects{resource="${resourceName}"} ${cache.size}`);
  return `${lines.join('\n')}\n`;
}
