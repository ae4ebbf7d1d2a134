import 'reflect-metadata';
import { CLOCK, type Clock } from '@keelson/base';
import { ContainerModule } from 'inversify';
import { SimulatedRuntime } from './simulated-runtime.ts';
import { CONTAINER_RUNTIME } from './tokens.ts';

/** Binds `CONTAINER_RUNTIME` to the simulated one. */
export function simulatedRuntimeModule(): ContainerModule {
  return new ContainerModule(({ bind }) => {
    bind(CONTAINER_RUNTIME)
      .toResolvedValue((clock: Clock) => new SimulatedRuntime({ clock }), [CLOCK])
      .inSingletonScope();
  });
}
