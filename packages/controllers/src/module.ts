import 'reflect-metadata';
import { CLOCK, LOGGER, type Clock, type Logger } from '@keelson/base';
import { CLIENT, type Client } from '@keelson/client';
import { INFORMERS, type InformerFactory } from '@keelson/controller-runtime';
import { ContainerModule } from 'inversify';
import { builtinControllers } from './builtin-controllers.ts';
import type { ControllerOptions } from './controller-context.ts';
import { Controllers, type ControllersOptions, type NamedController } from './controllers.ts';
import { CONTROLLER_CLIENT, CONTROLLER_FACTORY, CONTROLLERS } from './tokens.ts';

/**
 * Binds `CONTROLLERS`, and each built-in controller under `CONTROLLER_FACTORY`. Load it before what binds others there: a later one takes
 * the place of an earlier one of its name.
 */
export function controllersModule(options: ControllerOptions & ControllersOptions): ContainerModule {
  return new ContainerModule(({ bind }) => {
    for (const [name, create] of Object.entries(builtinControllers(options))) {
      bind(CONTROLLER_FACTORY).toConstantValue({ name, create });
    }
    bind(CONTROLLERS)
      .toResolvedValue(
        (...[client, informers, clock, logger, controllers, clientOf]: Parts) =>
          new Controllers({ client, informers, clock, logger, controllers, ...(clientOf && { clientOf }) }, options),
        [
          CLIENT,
          INFORMERS,
          CLOCK,
          LOGGER,
          { serviceIdentifier: CONTROLLER_FACTORY, isMultiple: true },
          { serviceIdentifier: CONTROLLER_CLIENT, optional: true },
        ],
      )
      .inSingletonScope();
  });
}

type Parts = [
  client: Client,
  informers: InformerFactory,
  clock: Clock,
  logger: Logger,
  controllers: NamedController[],
  clientOf: ((name: string) => Client) | undefined,
];
