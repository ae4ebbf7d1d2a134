// Measures what CustomResourceDefinitions cost: the memory that each adds to a cluster in one process, how long one takes until it is
// established, and until discovery tells of it; then what asking for all of OpenAPI adds.
// Usage: npm run bench -- crds [--count N] [--fields N] [--api-server]
//   --fields       fields in each schema; 150 make a definition of about 20 KB
//   --api-server   an API server by itself, without controllers that follow each kind
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { httpsTransport, type Transport, type WatchEvent } from '@keelson/client';
import { startServer } from '../kbench/server.ts';
import { anonymousMiB, cpuSeconds } from '../measure/processes.ts';
import { RemoteProfiler } from '../measure/profile.ts';
import { definition } from './definition.ts';

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '500' },
    fields: { type: 'string', default: '150' },
    'api-server': { type: 'boolean', default: false },
  },
});
const count = Number(values.count);
const fields = Number(values.fields);
const DEFINITIONS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const AGGREGATED = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';
const SETTLE_MS = 3000;

interface Condition {
  readonly type: string;
  readonly status: string;
}

/** Calls back for each definition that is established. */
function onEstablished(transport: Transport, established: (name: string) => void): Disposable {
  const subscription = transport.watch({ method: 'GET', path: DEFINITIONS, query: { watch: true } }).subscribe({
    next: (events: readonly WatchEvent[]) => {
      for (const { object } of events) {
        const { status } = object as { status?: { conditions?: readonly Condition[] } };
        const isEstablished = status?.conditions?.some(({ type, status: value }) => type === 'Established' && value === 'True');
        if (isEstablished) established(object.metadata?.name ?? '');
      }
    },
    error: (error: unknown) => {
      throw error;
    },
  });
  return { [Symbol.dispose]: () => subscription.unsubscribe() };
}

async function isDiscovered(transport: Transport, group: string): Promise<boolean> {
  const { body } = await transport.request({ method: 'GET', path: '/apis', accept: AGGREGATED });
  return (body as { items: readonly { metadata: { name: string } }[] }).items.some(({ metadata }) => metadata.name === group);
}

const quantile = (numbers: readonly number[], share: number): string =>
  (numbers.toSorted((a, b) => a - b)[Math.floor(share * numbers.length)] ?? Number.NaN).toFixed(1);

await using server = await startServer({ isCluster: !values['api-server'], inspect: true });
const transport = httpsTransport(server.config);
const waiting = new Map<string, () => void>();
using _watch = onEstablished(transport, (name) => waiting.get(name)?.());
const memory = async (): Promise<number> => {
  await sleep(SETTLE_MS);
  await collectGarbage();
  return anonymousMiB(server.pids);
};

async function collectGarbage(): Promise<void> {
  await using profiler = await RemoteProfiler.connect(server.inspectorUrl ?? '');
  await profiler.collectGarbage();
}

/** Gives the milliseconds until it is established and until it is discovered. */
async function create(at: number): Promise<{ readonly established: number; readonly discovered: number }> {
  const made = definition(at, fields);
  const { name } = made.metadata;
  const beganMs = performance.now();
  const done = new Promise<void>((resolve) => waiting.set(name, resolve));
  await transport.request({ method: 'POST', path: DEFINITIONS, body: made });
  await done;
  const established = performance.now() - beganMs;
  while (!(await isDiscovered(transport, made.spec.group)));
  return { established, discovered: performance.now() - beganMs };
}

for (let at = 0; at < 5; at += 1) await create(-1 - at);
const bytes = JSON.stringify(definition(0, fields)).length;
const before = await memory();
const cpuBefore = cpuSeconds(server.pids);
const times: Awaited<ReturnType<typeof create>>[] = [];
for (let at = 0; at < count; at += 1) times.push(await create(at));
const cpuMs = ((cpuSeconds(server.pids) - cpuBefore) * 1000) / count;
const after = await memory();
await transport.request({ method: 'GET', path: '/openapi/v3' });
const listed = await memory();
await transport.request({ method: 'GET', path: '/openapi/v2' });
const described = await memory();
await transport.close();

const each = (mib: number): string => `${((mib - before) / count).toFixed(3)} MiB`;
const established = times.map((time) => time.established);
const discovered = times.map((time) => time.discovered);
process.stdout.write(`${count} definitions of ${(bytes / 1024).toFixed(1)} KiB beside ${before.toFixed(0)} MiB\n`);
process.stdout.write(`established: p50=${quantile(established, 0.5)} ms p99=${quantile(established, 0.99)} ms\n`);
process.stdout.write(`in discovery: p50=${quantile(discovered, 0.5)} ms p99=${quantile(discovered, 0.99)} ms\n`);
process.stdout.write(
  `each: ${each(after)}; with the index of OpenAPI 3 ${each(listed)}; with the document of OpenAPI 2 ${each(described)}\n`,
);
process.stdout.write(
  `crds: p50=${quantile(established, 0.5)} ms p95=${quantile(established, 0.95)} ms each=${each(after)} cpu=${cpuMs.toFixed(1)} ms\n`,
);
