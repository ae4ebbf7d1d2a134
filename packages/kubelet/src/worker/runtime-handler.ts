import { KeelsonError } from '@keelson/base';
import type { Pod } from '@keelson/api/core/v1';
import { RuntimeClass } from '@keelson/api/node/v1';
import type { Client } from '@keelson/client';

/** What the runtime is told of a pod's RuntimeClass; empty for the runtime's own choice. Rejects with `NotFound` if there is no such class. */
export async function runtimeHandlerOf(client: Client, pod: Pod, signal: AbortSignal): Promise<string> {
  const { runtimeClassName: name = '' } = pod.spec ?? {};
  if (name === '') return '';
  const found = await client.resource(RuntimeClass).find({ name }, { signal });
  if (found) return found.handler;
  throw new KeelsonError('NotFound', `get runtime handler: RuntimeClass "${name}" not found`);
}
