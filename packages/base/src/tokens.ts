import type { Clock } from './clock.ts';
import type { Logger } from './logger.ts';
import { token } from './token.ts';

export const CLOCK = token<Clock>('@keelson/base:Clock');
export const LOGGER = token<Logger>('@keelson/base:Logger');
