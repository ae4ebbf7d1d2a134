import { token } from '@keelson/base';
import type { EventSink } from './event-observer.ts';
import type { Plugin } from './framework.ts';
import type { Scheduler } from './scheduler.ts';

export const SCHEDULER = token<Scheduler>('@keelson/scheduler:Scheduler');

/** Bound any number of times: plugins of the default profile, beside the in-tree ones. One of the same name takes the in-tree one's place. */
export const SCHEDULER_PLUGIN = token<Plugin>('@keelson/scheduler:Plugin');

/** Where the scheduler tells of what it does, if it is bound. Whoever binds it stops it. */
export const SCHEDULER_EVENTS = token<EventSink>('@keelson/scheduler:EventSink');
