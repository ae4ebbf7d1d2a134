import { CLOCK, LOGGER, type Lifecycle } from '@keelson/base';
import { createClient } from '@keelson/client';
import { EventRecorder } from '@keelson/controller-runtime';
import { IngressController } from '@keelson/ingress';
import type { ClusterSettings } from '../options.ts';
import type { ComponentContext } from './component-context.ts';
import { stopOnly } from './control-plane.ts';
import { addonUser } from './users.ts';

const NAME = 'keelson-ingress';

/** The way in from outside, if it is wanted: Ingresses without a class are its. */
export function addIngress(parts: Lifecycle, { container, server, settings, informers, reachable }: ComponentContext): void {
  const { ingress, ingressHttpPort: httpPort, ingressHttpsPort: httpsPort } = settings;
  if (!ingress) return;
  const [clock, logger] = [container.get(CLOCK), container.get(LOGGER)];
  const client = createClient(server.transport(addonUser(NAME)));
  const events = new EventRecorder({ client, clock, logger, component: NAME });
  parts.add(stopOnly(`events of ${NAME}`, () => events.stop()));
  const options = {
    httpPort,
    httpsPort,
    isDefaultClass: true,
    externalNames: true,
    publish: [reachable.nodeAddress],
    drainMs: 5_000,
  };
  parts.add(new IngressController({ client, informers, events, clock, logger }, options));
}

/** Ports of the nodes' addresses that this process itself listens on. */
export function reservedPorts({ port, ingress, ingressHttpPort, ingressHttpsPort }: ClusterSettings): readonly string[] {
  return [port, ...(ingress ? [ingressHttpPort, ingressHttpsPort] : [])].map((each) => `${each}/TCP`);
}
