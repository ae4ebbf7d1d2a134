import { join } from 'node:path';
import { StorageClass } from '@keelson/api/storage/v1';
import { ensureObjects } from '@keelson/api-server';
import { CLOCK, LOGGER, type Lifecycle } from '@keelson/base';
import { createClient, type Client } from '@keelson/client';
import { EventRecorder } from '@keelson/controller-runtime';
import { LOCAL_PATH_CLASS, localPathProvisioner } from '@keelson/local-path';
import type { ComponentContext, MachineContext } from './component-context.ts';
import { stopOnly } from './control-plane.ts';
import { addonUser, BOOTSTRAP } from './users.ts';

const NAME = 'local-path-provisioner';

/** The class of claims that name none, and what makes their volumes on this machine. */
export function addStorage(parts: Lifecycle, context: ComponentContext): void {
  const { server } = context;
  parts.add({
    name: 'storage class local-path',
    start: () => ensureObjects(server.transport(BOOTSTRAP), [{ kind: StorageClass, object: LOCAL_PATH_CLASS, reconcile: false }]),
    stop: async () => undefined,
  });
  addVolumes(parts, context, createClient(server.transport(addonUser(NAME))));
}

/** Volumes for claims: directories of the node that the pod is on. Each machine makes those of its nodes. */
export function addVolumes(parts: Lifecycle, { container, settings, informers, nodes }: MachineContext, client: Client): void {
  const [clock, logger] = [container.get(CLOCK), container.get(LOGGER).child({ component: 'local-path' })];
  const events = new EventRecorder({ client, clock, logger, component: NAME });
  parts.add(stopOnly('events of local-path', () => events.stop()));
  const root = join(settings.dataDir, 'volumes');
  const isHere = (nodeName: string): boolean => nodes.some(({ name }) => name === nodeName);
  parts.add(localPathProvisioner({ root, isHere }, { client, informers, events, clock, logger }));
}
