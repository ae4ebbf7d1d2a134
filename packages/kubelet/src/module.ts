import 'reflect-metadata';
import { CLOCK, LOGGER, token, type Clock, type Logger } from '@keelson/base';
import type { Client } from '@keelson/client';
import { CONTAINER_RUNTIME } from '@keelson/runtime';
import type { ContainerRuntime } from '@keelson/runtime';
import { ContainerModule } from 'inversify';
import { Kubelet } from './kubelet.ts';
import type { KubeletOptions } from './options.ts';
import type { EventSink, PodSource, ServiceSource } from './ports.ts';

export const KUBELET = token<Kubelet>('@keelson/kubelet:Kubelet');
/** How the kubelet reaches the API. Bound by the composition root, since each component has a user of its own. */
export const KUBELET_CLIENT = token<Client>('@keelson/kubelet:Client');
/** The pods of its node; an informer with the field selector `spec.nodeName=<name>` fits. */
export const KUBELET_PODS = token<PodSource>('@keelson/kubelet:PodSource');
/** All services; one informer may serve several kubelets. */
export const KUBELET_SERVICES = token<ServiceSource>('@keelson/kubelet:ServiceSource');
export const KUBELET_EVENTS = token<EventSink>('@keelson/kubelet:EventSink');

/** Binds one kubelet. The composition root binds what it takes from outside: client, pods, services, events, runtime, clock, logger. */
export function kubeletModule(options: KubeletOptions): ContainerModule {
  return new ContainerModule(({ bind }) => {
    bind(KUBELET)
      .toResolvedValue(
        (...[client, runtime, clock, logger, pods, services, events]: Parts) =>
          new Kubelet({ client, runtime, clock, logger, pods, services, events }, options),
        [KUBELET_CLIENT, CONTAINER_RUNTIME, CLOCK, LOGGER, KUBELET_PODS, KUBELET_SERVICES, KUBELET_EVENTS],
      )
      .inSingletonScope();
  });
}

type Parts = [Client, ContainerRuntime, Clock, Logger, PodSource, ServiceSource, EventSink];
