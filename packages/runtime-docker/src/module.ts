import 'reflect-metadata';
import { CLOCK, LOGGER, type Clock, type Logger } from '@keelson/base';
import { CONTAINER_RUNTIME } from '@keelson/runtime';
import { ContainerModule } from 'inversify';
import { DockerRuntime, type DockerRuntimeOptions } from './docker-runtime.ts';

/** Binds `CONTAINER_RUNTIME` to a Docker engine. */
export function dockerRuntimeModule(options: Omit<DockerRuntimeOptions, 'clock' | 'logger'> = {}): ContainerModule {
  return new ContainerModule(({ bind }) => {
    bind(CONTAINER_RUNTIME)
      .toResolvedValue((clock: Clock, logger: Logger) => new DockerRuntime({ ...options, clock, logger }), [CLOCK, LOGGER])
      .inSingletonScope();
  });
}
