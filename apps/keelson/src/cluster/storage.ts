import { join } from 'node:path';
import { StorageClass } from '@keelson/api/storage/v1';
import { ensureObjects } from '@keelson/api-server';
import { CLOCK, LOGGER, type Lifecycle } from '@keelson/base';
import { createClient } from '@keelson/client';
import { EventRecorder } from '@keelson/controller-runtime';
import { LOCAL_PATH_CLASS, localPathProvisioner } from '@keelson/local-path';
import type { ComponentContext } from './component-context.ts';
import { stopOnly } from './control-plane.ts';
import { controllerUser } from './users.ts';

/** Volumes for claims that name no class: directories of the node that the pod is on. Each machine makes those of its nodes. */
export function addStorage(parts: Lifecycle, { container, server, settings, informers, nodes }: ComponentContext): void {
  const [clock, logger] = [container.get(CLOCK), container.get(LOGGER).child({ component: 'local-path' })];
  const transport = server.transport(controllerUser('local-path-provisioner'));
  const client = createClient(transport);
  const events = new EventRecorder({ client, clock, logger, component: 'local-path-provisioner' });
  parts.add(stopOnly('events of local-path', () => events.stop()));
  parts.add({
    name: 'storage class local-path',
    start: () => ensureObjects(transport, [{ kind: StorageClass, object: LOCAL_PATH_CLASS, reconcile: false }]),
    stop: async () => undefined,
  });
  const root = join(settings.dataDir, 'volumes');
  const isHere = (nodeName: string): boolean => nodes.some(({ name }) => name === nodeName);
  parts.add(localPathProvisioner({ root, isHere }, { client, informers, events, clock, logger }));
}
