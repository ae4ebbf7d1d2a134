/**
 * How fast the dependents of a deleted owner are collected, in how many requests, and what the graph costs in memory. All in one process: an
 * API server in memory, and no other controller.
 *
 *     node --expose-gc --conditions=keelson-source packages/controllers/bench/garbage-collector.bench.ts [dependents=5000]
 */
import { controllerReference } from '@keelson/api';
import { ConfigMap, Secret } from '@keelson/api/core/v1';
import { startTestApiServer } from '@keelson/api-server/testing';
import { silentLogger, SystemClock } from '@keelson/base';
import { createClient, type Transport } from '@keelson/client';
import { InformerFactory } from '@keelson/controller-runtime';
import { builtinControllers, Controllers } from '../src/index.ts';

const BATCH = 100;
const NAME = 'garbage-collector-controller';

const [dependents = 5_000] = process.argv.slice(2).map(Number);
const clock = new SystemClock();
const api = await startTestApiServer();
const client = createClient(api.transport);
let requests = 0;
const counted = createClient(counting(api.transport));
const informers = new InformerFactory({ client: counted, clock, logger: silentLogger });
const create = builtinControllers({ rootCa: '' })[NAME];
const controllers = new Controllers({
  client: counted,
  informers,
  clock,
  logger: silentLogger,
  controllers: [{ name: NAME, create }],
});

await build();
const before = memoryBytes();
await controllers.start(new AbortController().signal);
await clock.sleep(2_000);
console.log(`graph: ${Math.round((memoryBytes() - before) / dependents)} bytes an object`);
await collect();
await controllers.stop();
await api.close();

async function build(): Promise<void> {
  const owner = await client.resource(ConfigMap).create({ metadata: { name: 'owner', namespace: 'default' } });
  const ownerReferences = [controllerReference(owner, ConfigMap)];
  const add = (at: number) =>
    client.resource(Secret).create({ metadata: { name: `d${at}`, namespace: 'default', ownerReferences } });
  for (let at = 0; at < dependents; at += BATCH) await Promise.all(Array.from({ length: BATCH }, (_, index) => add(at + index)));
}

async function collect(): Promise<void> {
  requests = 0;
  const [startMs, cpu] = [performance.now(), process.cpuUsage()];
  await client.resource(ConfigMap).delete({ name: 'owner', namespace: 'default' });
  while ((await client.resource(Secret).list({ namespace: 'default', limit: 1 })).items.length > 0) await clock.sleep(5);
  const { user, system } = process.cpuUsage(cpu);
  const ms = (performance.now() - startMs) / dependents;
  const cpuMs = (user + system) / 1_000 / dependents;
  console.log(
    `collected ${dependents}: ${ms.toFixed(2)} ms, ${cpuMs.toFixed(2)} ms CPU and ${(requests / dependents).toFixed(2)} requests each`,
  );
}

function counting(transport: Transport): Transport {
  return {
    request: (call) => {
      requests += 1;
      return transport.request(call);
    },
    watch: (call) => transport.watch(call),
    stream: (call) => transport.stream(call),
    upgrade: (call, protocols) => transport.upgrade(call, protocols),
    close: () => transport.close(),
  };
}

function memoryBytes(): number {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}
