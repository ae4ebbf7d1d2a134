import 'reflect-metadata';
import { CLOCK, LOGGER, type Clock, type Logger } from '@keelson/base';
import { CONTAINER_RUNTIME, POD_NETWORK, type PodNetwork } from '@keelson/runtime';
import { ContainerModule } from 'inversify';
import { LxcRuntime, type LxcRuntimeOptions } from './lxc-runtime.ts';

/** Binds `CONTAINER_RUNTIME` to LXC on this machine; needs `POD_NETWORK`. */
export function lxcRuntimeModule(options: Omit<LxcRuntimeOptions, 'clock' | 'logger' | 'network'>): ContainerModule {
  return new ContainerModule(({ bind }) => {
    bind(CONTAINER_RUNTIME)
      .toResolvedValue(
        (clock: Clock, logger: Logger, network: PodNetwork) => new LxcRuntime({ ...options, clock, logger, network }),
        [CLOCK, LOGGER, POD_NETWORK],
      )
      .inSingletonScope();
  });
}
