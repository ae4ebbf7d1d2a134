import { token } from '@keelson/base';
import type { Client } from '@keelson/client';
import type { Controllers, NamedController } from './controllers.ts';

/** Bound many times: all controllers. One that is bound later takes the place of an earlier one of its name. */
export const CONTROLLER_FACTORY = token<NamedController>('@keelson/controllers:NamedController');

/** If bound: the client of the controller of this name, so that each may have an identity of its own. */
export const CONTROLLER_CLIENT = token<(name: string) => Client>('@keelson/controllers:client of a controller');

/** Runs them all. */
export const CONTROLLERS = token<Controllers>('@keelson/controllers:Controllers');
