import { nameOf, namespaceOf } from '@keelson/api';
import { Pod } from '@keelson/api/core/v1';
import type { Client } from '@keelson/client';
import type { BindPlugin } from '../framework.ts';

/** Binds by the API's `binding` subresource, the only way to give a pod its node. */
export function defaultBinder(client: Client): BindPlugin {
  return {
    name: 'DefaultBinder',
    async bind(_state, pod, nodeName) {
      const [name, namespace, uid] = [nameOf(pod), namespaceOf(pod), pod.metadata?.uid];
      const body = {
        apiVersion: 'v1',
        kind: 'Binding',
        metadata: { name, namespace, uid },
        target: { apiVersion: 'v1', kind: 'Node', name: nodeName },
      };
      await client.resource(Pod).subresource({ name, namespace }, { subresource: 'binding', method: 'POST', body });
      return 'bound';
    },
  };
}
