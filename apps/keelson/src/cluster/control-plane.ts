import { CLOCK, LOGGER, type Lifecycle, type Runnable } from '@keelson/base';
import { CLIENT, createClient } from '@keelson/client';
import { CONTROLLER, EventRecorder } from '@keelson/controller-runtime';
import { builtinControllers, type ControllerFactory } from '@keelson/controllers';
import { SCHEDULER, SCHEDULER_EVENTS } from '@keelson/scheduler';
import { schedulerModule } from '@keelson/scheduler/module';
import { Container } from 'inversify';
import type { ComponentContext } from './component-context.ts';
import { controllerUser, SCHEDULER as SCHEDULER_USER } from './users.ts';

/** The built-in controllers, and whatever is bound to `CONTROLLER`. */
export function addControllers(parts: Lifecycle, context: ComponentContext): void {
  const { container, credentials } = context;
  const factories = builtinControllers({ rootCa: credentials.authority.certificate });
  for (const [name, make] of Object.entries(factories)) addController(parts, context, { name, make });
  const others = container.isBound(CONTROLLER) ? container.getAll(CONTROLLER) : [];
  for (const controller of others) parts.add(controller);
}

function addController(
  parts: Lifecycle,
  { container, server, informers }: ComponentContext,
  { name, make }: { readonly name: string; readonly make: ControllerFactory },
): void {
  const [clock, logger] = [container.get(CLOCK), container.get(LOGGER)];
  const client = createClient(server.transport(controllerUser(name)));
  const events = new EventRecorder({ client, clock, logger, component: name });
  parts.add(stopOnly(`events of ${name}`, () => events.stop()));
  parts.add(make({ client, informers, events, clock, logger }));
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
