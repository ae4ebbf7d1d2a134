import { CLOCK, LOGGER, type Lifecycle, type Runnable } from '@keelson/base';
import { CLIENT, createClient } from '@keelson/client';
import { CONTROLLER, EventRecorder } from '@keelson/controller-runtime';
import { CONTROLLERS } from '@keelson/controllers';
import { SCHEDULER, SCHEDULER_EVENTS } from '@keelson/scheduler';
import { schedulerModule } from '@keelson/scheduler/module';
import { Container } from 'inversify';
import type { ComponentContext } from './component-context.ts';
import { SCHEDULER as SCHEDULER_USER } from './users.ts';

/** The built-in controllers with what is bound to `CONTROLLER_FACTORY`, and whatever is bound to `CONTROLLER`. */
export function addControllers(parts: Lifecycle, { container }: ComponentContext): void {
  parts.add(container.get(CONTROLLERS));
  const others = container.isBound(CONTROLLER) ? container.getAll(CONTROLLER) : [];
  for (const controller of others) parts.add(controller);
}

export function addScheduler(parts: Lifecycle, { container, server }: ComponentContext): void {
  const [clock, logger] = [container.get(CLOCK), container.get(LOGGER)];
  const client = createClient(server.transport(SCHEDULER_USER));
  const events = new EventRecorder({ client, clock, logger, component: 'default-scheduler' });
  const own = new Container({ parent: container });
  own.bind(CLIENT).toConstantValue(client);
  own.bind(SCHEDULER_EVENTS).toConstantValue(events);
  own.load(schedulerModule());
  parts.add(stopOnly('events of default-scheduler', () => events.stop()));
  parts.add(own.get(SCHEDULER));
}

export function stopOnly(name: string, stop: () => Promise<void>): Runnable {
  return { name, start: async () => undefined, stop };
}
