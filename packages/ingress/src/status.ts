import { isIP } from 'node:net';
import { Ingress, IngressClass } from '@keelson/api/networking/v1';
import type { Runnable } from '@keelson/base';
import { defineController, namespacedName, patchStatusIfChanged, watch, type ControllerWorld } from '@keelson/controller-runtime';

/** Keeps in the status of each Ingress that is ours where clients find it. */
export function statusController(
  world: ControllerWorld,
  { publish }: { readonly publish: readonly string[] },
  isOwned: (ingress: Ingress) => boolean,
): Runnable {
  const ingresses = world.informers.for(Ingress);
  const wanted = publish.map((address) => (isIP(address) > 0 ? { ip: address } : { hostname: address }));
  return defineController(
    {
      name: 'ingress-status',
      for: Ingress,
      watches: [watch(IngressClass, () => ingresses.list().map(namespacedName))],
      reconcile: async (ingress, { client }) => {
        if (wanted.length === 0 || !isOwned(ingress)) return;
        await patchStatusIfChanged(client, Ingress, ingress, { loadBalancer: { ingress: wanted } });
      },
    },
    world,
  );
}
