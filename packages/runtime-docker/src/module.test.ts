import 'reflect-metadata';
import { CLOCK, LOGGER, silentLogger, SystemClock } from '@keelson/base';
import { CONTAINER_RUNTIME } from '@keelson/runtime';
import { Container } from 'inversify';
import { expect, it } from 'vitest';
import { DockerRuntime } from './docker-runtime.ts';
import { dockerRuntimeModule } from './module.ts';

it('binds one Docker runtime', async () => {
  const container = new Container();
  container.bind(CLOCK).toConstantValue(new SystemClock());
  container.bind(LOGGER).toConstantValue(silentLogger);
  container.load(dockerRuntimeModule({ host: 'unix:///nowhere/docker.sock' }));

  const runtime = container.get(CONTAINER_RUNTIME);

  expect(runtime).toBeInstanceOf(DockerRuntime);
  expect(container.get(CONTAINER_RUNTIME)).toBe(runtime);
  await expect(runtime.info()).rejects.toMatchObject({ reason: 'ServiceUnavailable' });
  await runtime.close();
});
