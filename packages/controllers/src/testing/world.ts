import { startTestApiServer, type TestApiServer, type TestApiServerOptions } from '@keelson/api-server/testing';
import { silentLogger, SystemClock, type Clock, type Runnable } from '@keelson/base';
import { createClient, type ApiCall, type Client, type Transport } from '@keelson/client';
import { EventRecorder, InformerFactory } from '@keelson/controller-runtime';
import { concatMap, defer, from, map, of, type Observable } from 'rxjs';
import { accountUser, CONTROLLER_MANAGER, controllerUser, type ControllerUser } from '../controller-account.ts';
import type { ControllerContext, ControllerFactory } from '../controller-context.ts';
import { OwnRights } from './own-rights.ts';

/** A real API server in this process with some controllers, each with the rights of its own role and no more, for tests. */
export class World implements AsyncDisposable {
  readonly api: TestApiServer;
  /** The test's own. */
  readonly client: Client;
  readonly clock: Clock;
  /** `METHOD path` of each write that controllers tried, without Events. */
  readonly writes: string[] = [];
  /** `METHOD path` of all that controllers asked, watches left out. */
  readonly calls: string[] = [];
  /** What this gives for a call of a controller is thrown instead. */
  failure: (call: ApiCall) => Error | undefined = () => undefined;
  /** What this gives for a call of a controller is its answer. */
  answer: (call: ApiCall) => object | undefined = () => undefined;
  /** How many turns of the event loop later controllers see what a watch brings. */
  lag: (call: ApiCall) => number = () => 0;
  /** What they sent. */
  readonly bodies: { readonly kind?: string }[] = [];
  readonly #informers: InformerFactory;
  readonly #rights: OwnRights;
  readonly #as: (user: ControllerUser) => Transport;
  readonly #running: Runnable[] = [];
  readonly #recorders: EventRecorder[] = [];

  /** `as`: how controllers reach the server; straight, if absent. */
  constructor(api: TestApiServer, clock: Clock, as = (user: ControllerUser): Transport => api.server.transport(user)) {
    this.api = api;
    this.clock = clock;
    this.client = createClient(api.transport);
    this.#rights = new OwnRights(api.server.authorizer);
    api.server.extend({ authorizer: this.#rights });
    this.#as = as;
    const client = createClient(this.#recorded(as(CONTROLLER_MANAGER)));
    this.#informers = new InformerFactory({ client, clock, logger: silentLogger });
  }

  /** Starts controllers, in this order. */
  async run(...factories: readonly ControllerFactory[]): Promise<void> {
    const { signal } = new AbortController();
    const controllers = factories.map((factory) => {
      let own: Transport | undefined;
      const controller = factory(
        this.#context(() => (own ??= this.#as(controllerUser(controller.name) ?? accountUser(controller.name)))),
      );
      return controller;
    });
    await this.#informers.start(signal);
    for (const controller of controllers) {
      this.#running.push(controller);
      await controller.start(signal);
    }
  }

  /** Stops the controllers; `run` may start others. */
  async stopControllers(): Promise<void> {
    for (const controller of this.#running.splice(0).toReversed()) await controller.stop();
    for (const recorder of this.#recorders.splice(0)) await recorder.stop();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stopControllers();
    await this.#informers.stop();
    await this.api.close();
    if (this.#rights.refused.length > 0) throw new Error(`controllers were refused: ${this.#rights.refused.join('; ')}`);
  }

  /** The controller's own transport is asked for only once it has its name. */
  #context(own: () => Transport): ControllerContext {
    const transport: Transport = {
      request: (call) => own().request(call),
      watch: (call) => own().watch(call),
      stream: (call) => own().stream(call),
      upgrade: (call, protocols) => own().upgrade(call, protocols),
      close: async () => undefined,
    };
    const { clock } = this;
    const client = createClient(this.#recorded(transport));
    const events = new EventRecorder({ client, clock, logger: silentLogger, component: 'test' });
    this.#recorders.push(events);
    return { client, informers: this.#informers, events, clock, logger: silentLogger };
  }

  #late<T>(call: ApiCall, events: T): Observable<T> {
    const count = this.lag(call);
    return count === 0 ? of(events) : from(turns(count)).pipe(map(() => events));
  }

  #recorded(transport: Transport): Transport {
    const note = (call: ApiCall): void => {
      this.calls.push(`${call.method} ${call.path}`);
      if (call.body !== undefined) this.bodies.push(call.body as { readonly kind?: string });
      if (call.method !== 'GET' && !call.path.endsWith('/events')) this.writes.push(`${call.method} ${call.path}`);
    };
    return {
      request: async (call) => {
        note(call);
        const failure = this.failure(call);
        if (failure) throw failure;
        const body = this.answer(call);
        return body ? { status: 200, body, warnings: [] } : transport.request(call);
      },
      watch: (call) =>
        defer(() => {
          const failure = this.failure(call);
          if (failure) throw failure;
          return transport.watch(call).pipe(concatMap((events) => this.#late(call, events)));
        }),
      stream: (call) => transport.stream(call),
      upgrade: (call, protocols) => transport.upgrade(call, protocols),
      close: () => transport.close(),
    };
  }
}

export async function startWorld(options: TestApiServerOptions = {}): Promise<World> {
  const clock = options.clock ?? new SystemClock();
  return new World(await startTestApiServer({ ...options, clock }), clock);
}

/** Lets what is ready to run do so, some turns of the event loop long. */
export async function turns(count = 50): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}
