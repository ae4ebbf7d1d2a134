import 'reflect-metadata';
import { CLOCK, LOGGER, token, type Clock, type Logger } from '@keelson/base';
import { Pod, Service } from '@keelson/api/core/v1';
import { CLIENT, type Client } from '@keelson/client';
import { EventRecorder, INFORMERS, type InformerFactory } from '@keelson/controller-runtime';
import { CONTAINER_RUNTIME, type ContainerRuntime } from '@keelson/runtime';
import { ContainerModule } from 'inversify';
import { Kubelet } from './kubelet.ts';
import type { KubeletOptions } from './options.ts';
import type { EventSink, NetworkGuard } from './ports.ts';
import { delegatedAuthorize } from './server/delegated-authorize.ts';

export const KUBELET = token<Kubelet>('@keelson/kubelet:Kubelet');
/** Where the kubelet tells of what it does. The module binds a recorder; whoever made the container stops it. */
export const KUBELET_EVENTS = token<EventSink>('@keelson/kubelet:EventSink');

/** Has a say before anything runs in the network of a pod. May be missing. */
export const NETWORK_GUARD = token<NetworkGuard>('@keelson/kubelet:NetworkGuard');

/**
 * Binds one kubelet. It watches the pods of its node, and all services, through the container's informers: start those and the kubelet
 * together. Who may call its HTTPS API is the API server's word, unless the options say otherwise.
 */
export function kubeletModule(options: KubeletOptions): ContainerModule {
  const { nodeName } = options;
  return new ContainerModule(({ bind }) => {
    bind(KUBELET_EVENTS)
      .toResolvedValue(
        (client: Client, clock: Clock, logger: Logger) =>
          new EventRecorder({ client, clock, logger, component: 'kubelet', host: nodeName }),
        [CLIENT, CLOCK, LOGGER],
      )
      .inSingletonScope();
    bind(KUBELET)
      .toResolvedValue(
        (...[client, runtime, clock, logger, informers, events, networkGuard]: Parts) => {
          const pods = informers.for(Pod, { fieldSelector: `spec.nodeName=${nodeName}` });
          const anonymous = options.serving !== false && options.serving?.anonymous === true;
          const authorize = delegatedAuthorize({ client, clock, nodeName, anonymous });
          const serving = options.serving !== false && { authorize, ...options.serving };
          const deps = { client, runtime, clock, logger, events, pods, services: informers.for(Service) };
          return new Kubelet({ ...deps, ...(networkGuard && { networkGuard }) }, { ...options, serving });
        },
        [
          CLIENT,
          CONTAINER_RUNTIME,
          CLOCK,
          LOGGER,
          INFORMERS,
          KUBELET_EVENTS,
          { serviceIdentifier: NETWORK_GUARD, optional: true },
        ],
      )
      .inSingletonScope();
  });
}

type Parts = [Client, ContainerRuntime, Clock, Logger, InformerFactory, EventSink, NetworkGuard | undefined];
