import { keyOf } from '@keelson/api';
import { ConfigMap } from '@keelson/api/core/v1';
import { silentLogger, SystemClock } from '@keelson/base';
import { MemoryStore } from '@keelson/store';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ApiServer } from '../api-server.ts';
import { API_SERVER_USER } from '../loopback.ts';
import { ApiProbe } from '../test-support/api-probe.ts';
import { Feed } from './feed.ts';

const PATH = '/api/v1/namespaces/default/configmaps';
const clock = new SystemClock();
const logger = silentLogger;
let store: MemoryStore;
let server: ApiServer;
let feed: Feed<ConfigMap>;
let known: Map<string, ConfigMap>;

beforeEach(async () => {
  store = new MemoryStore({ clock });
  await startServer();
  await probe().create('/api/v1/namespaces', { metadata: { name: 'default' } });
  known = new Map();
  const reader = {
    put: (object: ConfigMap) => void known.set(keyOf(object), object),
    drop: (key: string) => void known.delete(key),
    keys: () => known.keys(),
  };
  feed = new Feed(ConfigMap, { clock, logger, transport: () => server.transport(API_SERVER_USER) }, reader);
});

afterEach(async () => {
  await feed.stop();
  await server.stop();
  await store.close();
});

async function startServer(): Promise<void> {
  server = new ApiServer({ store, clock, logger });
  await server.start(new AbortController().signal);
}

const probe = () => new ApiProbe(server.transport(API_SERVER_USER));
const make = (name: string) => probe().create(PATH, { metadata: { name } });
const remove = (name: string) => server.transport(API_SERVER_USER).request({ method: 'DELETE', path: `${PATH}/${name}` });

it('tells of what there is, and then of what has been written whenever it is asked to be fresh', async () => {
  await make('old');

  await feed.ready();
  const first = [...known.keys()];
  await make('new');
  await remove('old');
  await feed.fresh();

  expect(first).toEqual(['default/old']);
  expect([...known.keys()]).toEqual(['default/new']);
});

it('tells what is gone when its watch begins again', async () => {
  await make('stays');
  await make('goes');
  await feed.ready();

  await server.stop();
  await startServer();
  await remove('goes');
  await make('comes');
  await feed.fresh();

  expect([...known.keys()].toSorted()).toEqual(['default/comes', 'default/stays']);
});

it('is of no use once it is stopped', async () => {
  await feed.ready();

  await feed.stop();

  await expect(feed.fresh()).rejects.toMatchObject({ reason: 'ServiceUnavailable' });
});
