import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CLOCK, LOGGER, silentLogger } from '@keelson/base';
import { ManualClock } from '@keelson/base/testing';
import { Container } from 'inversify';
import { expect, it } from 'vitest';
import { LmdbStore, MemoryStore, STORE } from './index.ts';
import { storeModule, type StoreModuleOptions } from './module.ts';

it.each([
  { driver: 'memory' as const, type: MemoryStore },
  { driver: 'lmdb' as const, type: LmdbStore },
])('binds one $driver store', async ({ driver, type }) => {
  const path = await mkdtemp(join(tmpdir(), 'keelson-store-'));
  const options: StoreModuleOptions = driver === 'lmdb' ? { driver, path } : { driver };
  const container = new Container();
  container.bind(CLOCK).toConstantValue(new ManualClock());
  container.bind(LOGGER).toConstantValue(silentLogger);
  container.load(storeModule(options));

  const first = await container.getAsync(STORE);
  const second = await container.getAsync(STORE);
  await first.close();
  await rm(path, { recursive: true, force: true });

  expect(first).toBeInstanceOf(type);
  expect(second).toBe(first);
});
