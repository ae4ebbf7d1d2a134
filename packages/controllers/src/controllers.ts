import type { Clock, Logger, Runnable } from '@keelson/base';
import type { Client } from '@keelson/client';
import { EventRecorder, type InformerFactory } from '@keelson/controller-runtime';
import type { Registry } from 'prom-client';
import type { ControllerContext, ControllerFactory } from './controller-context.ts';
import { eventSourceOf } from './event-source.ts';

/** A controller under its name. `undefined` leaves out the one of that name. */
export interface NamedController {
  readonly name: string;
  readonly create: ControllerFactory | undefined;
}

export interface ControllersOptions {
  /**
   * Which ones run, as kube-controller-manager's `--controllers` says it: `*` is all, `-NAME` all but this one, `NAME` this one. The first
   * word about a controller counts. Default `*`.
   */
  readonly enabled?: readonly string[];
}

interface Dependencies {
  readonly client: Client;
  readonly informers: InformerFactory;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics?: Registry;
  /** In this order; of several of one name the last one counts. */
  readonly controllers: readonly NamedController[];
  /** The client of a controller; `client` if absent. */
  readonly clientOf?: (name: string) => Client;
}

/** Runs controllers side by side. They are made when it starts, so that a process that waits to be the leader has none. */
export class Controllers implements Runnable {
  readonly name = 'controllers';
  /** The names of those that run, sorted. */
  readonly names: readonly string[];
  readonly #dependencies: Dependencies;
  readonly #factories: ReadonlyMap<string, ControllerFactory>;
  #running: Runnable[] = [];
  #recorders: EventRecorder[] = [];

  constructor(dependencies: Dependencies, { enabled = ['*'] }: ControllersOptions = {}) {
    this.#dependencies = dependencies;
    const factories = new Map<string, ControllerFactory>();
    for (const { name, create } of dependencies.controllers) {
      if (create && isEnabled(name, enabled)) factories.set(name, create);
      else factories.delete(name);
    }
    this.#factories = factories;
    this.names = [...factories.keys()].sort();
  }

  /** Resolves when all have begun to work; if one cannot, none goes on. The informers must be running, or be started beside this. */
  async start(signal: AbortSignal): Promise<void> {
    this.#running = Array.from(this.#factories, ([name, create]) => create(this.#contextOf(name)));
    try {
      await Promise.all(this.#running.map((controller) => controller.start(signal)));
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  async stop(): Promise<void> {
    await Promise.all(this.#running.splice(0).map((controller) => controller.stop()));
    await Promise.all(this.#recorders.splice(0).map((recorder) => recorder.stop()));
  }

  #contextOf(name: string): ControllerContext {
    const { client: shared, clientOf, informers, clock, logger: parent, metrics } = this.#dependencies;
    const client = clientOf?.(name) ?? shared;
    const logger = parent.child({ controller: name });
    const events = new EventRecorder({ client, clock, logger, component: eventSourceOf(name) });
    this.#recorders.push(events);
    return { client, informers, events, clock, logger, ...(metrics && { metrics }) };
  }
}

function isEnabled(name: string, selectors: readonly string[]): boolean {
  for (const selector of selectors) {
    if (selector === name) return true;
    if (selector === `-${name}`) return false;
  }
  return selectors.includes('*');
}
