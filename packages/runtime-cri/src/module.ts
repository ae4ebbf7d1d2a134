import 'reflect-metadata';
import { CLOCK, LOGGER, type Clock, type Logger } from '@keelson/base';
import { CONTAINER_RUNTIME } from '@keelson/runtime';
import { ContainerModule } from 'inversify';
import { CriRuntime, type CriRuntimeOptions } from './cri-runtime.ts';

/** Binds `CONTAINER_RUNTIME` to a runtime that speaks CRI. */
export function criRuntimeModule(options: Omit<CriRuntimeOptions, 'clock' | 'logger'> = {}): ContainerModule {
  return new ContainerModule(({ bind }) => {
    bind(CONTAINER_RUNTIME)
      .toResolvedValue((clock: Clock, logger: Logger) => new CriRuntime({ ...options, clock, logger }), [CLOCK, LOGGER])
      .inSingletonScope();
  });
}
