import 'reflect-metadata';
import { CLOCK, LOGGER, type Clock, type Logger, type Runnable } from '@keelson/base';
import { CLIENT, type Client } from '@keelson/client';
import { CONTROLLER, INFORMERS, Manager, type LeaderElectionOptions } from '@keelson/controller-runtime';
import { controllerRuntimeModule } from '@keelson/controller-runtime/module';
import { Container } from 'inversify';
import { EVENTS, operatorModule } from './module.ts';

export interface OperatorOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Work only while leading. */
  readonly leaderElection?: LeaderElectionOptions & { readonly onLost: () => void };
}

/** The operator, to be started and stopped. */
export function createOperator({ client, clock, logger, leaderElection }: OperatorOptions): Runnable {
  const container = new Container();
  container.bind(CLIENT).toConstantValue(client);
  container.bind(CLOCK).toConstantValue(clock);
  container.bind(LOGGER).toConstantValue(logger);
  container.load(controllerRuntimeModule(), operatorModule);
  const [informers, events] = [container.get(INFORMERS), container.get(EVENTS)];
  const manager = new Manager({ client, clock, logger, informers, ...(leaderElection && { leaderElection }) });
  for (const controller of container.getAll(CONTROLLER)) manager.add(controller);
  return {
    name: 'operator-sample',
    start: (signal) => manager.start(signal),
    stop: async () => {
      await manager.stop();
      await events.stop();
    },
  };
}
