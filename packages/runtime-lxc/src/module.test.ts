import 'reflect-metadata';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CLOCK, LOGGER, silentLogger, SystemClock } from '@keelson/base';
import { CONTAINER_RUNTIME, POD_NETWORK } from '@keelson/runtime';
import { CniNetwork } from '@keelson/runtime/cni';
import { Container } from 'inversify';
import { expect, it } from 'vitest';
import { LxcRuntime } from './lxc-runtime.ts';
import { lxcRuntimeModule } from './module.ts';

it('binds one LXC runtime', async () => {
  const clock = new SystemClock();
  const container = new Container();
  container.bind(CLOCK).toConstantValue(clock);
  container.bind(LOGGER).toConstantValue(silentLogger);
  container.bind(POD_NETWORK).toConstantValue(new CniNetwork({ clock, stateDir: join(tmpdir(), 'nowhere') }));
  container.load(lxcRuntimeModule({ rootDir: join(tmpdir(), 'nowhere') }));

  const runtime = container.get(CONTAINER_RUNTIME);

  expect(runtime).toBeInstanceOf(LxcRuntime);
  expect(container.get(CONTAINER_RUNTIME)).toBe(runtime);
  await runtime.close();
});
