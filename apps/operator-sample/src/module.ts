import 'reflect-metadata';
import { Deployment } from '@keelson/api/apps/v1';
import { ConfigMap, Service } from '@keelson/api/core/v1';
import { CLOCK, LOGGER, token, type Clock, type Logger } from '@keelson/base';
import { CLIENT, type Client } from '@keelson/client';
import {
  Controller,
  CONTROLLER,
  EventRecorder,
  fromInformer,
  INFORMERS,
  ownedBy,
  type InformerFactory,
} from '@keelson/controller-runtime';
import { ContainerModule } from 'inversify';
import { WebsiteReconciler } from './website-reconciler.ts';
import { WEBSITES } from './website.ts';

/** Whoever made the container stops it. */
export const EVENTS = token<EventRecorder>('operator-sample:EventRecorder');

/** Binds the operator to `CONTROLLER`. */
export const operatorModule = new ContainerModule(({ bind }) => {
  bind(EVENTS)
    .toResolvedValue(
      (client: Client, clock: Clock, logger: Logger) =>
        new EventRecorder({ client, clock, logger, component: 'operator-sample' }),
      [CLIENT, CLOCK, LOGGER],
    )
    .inSingletonScope();
  bind(CONTROLLER)
    .toResolvedValue(
      (...[client, informers, events, clock, logger]: Parts) => {
        const websites = informers.for(ConfigMap, { labelSelector: WEBSITES });
        const [deployments, services] = [informers.for(Deployment), informers.for(Service)];
        const sources = [fromInformer(websites), ownedBy(deployments, ConfigMap), ownedBy(services, ConfigMap)];
        const reconciler = new WebsiteReconciler({ client, events, websites, deployments, services });
        return new Controller({ name: 'website', reconciler, sources, clock, logger }, { concurrency: 4 });
      },
      [CLIENT, INFORMERS, EVENTS, CLOCK, LOGGER],
    )
    .inSingletonScope();
});

type Parts = [Client, InformerFactory, EventRecorder, Clock, Logger];
