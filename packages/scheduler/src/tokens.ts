import { token } from '@keelson/base';
import type { Plugin } from './framework.ts';
import type { Scheduler } from './scheduler.ts';

export const SCHEDULER = token<Scheduler>('@keelson/scheduler:Scheduler');

/** Bound any number of times: plugins of the default profile, beside the in-tree ones. One of the same name takes the in-tree one's place. */
export const SCHEDULER_PLUGIN = token<Plugin>('@keelson/scheduler:Plugin');
