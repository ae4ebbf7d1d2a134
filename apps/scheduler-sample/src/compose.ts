import 'reflect-metadata';
import { API_SERVER, type ApiServer } from '@keelson/api-server';
import { apiServerModule } from '@keelson/api-server/module';
import { CLOCK, Lifecycle, LOGGER, silentLogger, SystemClock } from '@keelson/base';
import { CLIENT, createClient, type Client } from '@keelson/client';
import { INFORMERS, type InformerFactory } from '@keelson/controller-runtime';
import { controllerRuntimeModule } from '@keelson/controller-runtime/module';
import { SCHEDULER } from '@keelson/scheduler';
import { schedulerModule } from '@keelson/scheduler/module';
import { STORE } from '@keelson/store';
import { storeModule } from '@keelson/store/module';
import { Container } from 'inversify';

export interface ControlPlane extends AsyncDisposable {
  readonly client: Client;
  readonly informers: InformerFactory;
}

const USER = { name: 'sample', groups: ['system:masters', 'system:authenticated'] };

/** An API server on a store in memory, and a scheduler; `configure` binds what it likes before anything is made. */
export async function startControlPlane(configure: (container: Container) => void = () => undefined): Promise<ControlPlane> {
  const container = new Container();
  container.bind(CLOCK).toConstantValue(new SystemClock());
  container.bind(LOGGER).toConstantValue(silentLogger);
  container.load(storeModule({ driver: 'memory' }), apiServerModule(), controllerRuntimeModule(), schedulerModule());
  container
    .bind(CLIENT)
    .toResolvedValue((server: ApiServer) => createClient(server.transport(USER)), [API_SERVER])
    .inSingletonScope();
  configure(container);
  return start(container);
}

async function start(container: Container): Promise<ControlPlane> {
  const store = await container.getAsync(STORE);
  const parts = new Lifecycle(silentLogger);
  const stop = async (): Promise<void> => {
    await parts.stop();
    await store.close();
  };
  try {
    parts.add(await container.getAsync(API_SERVER));
    const scheduler = container.get(SCHEDULER);
    const informers = parts.add(container.get(INFORMERS));
    parts.add(scheduler);
    await parts.start(new AbortController().signal);
    return { client: container.get(CLIENT), informers, [Symbol.asyncDispose]: stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
