// Measures how long a cluster for a test takes to start and to stop, and the memory that it adds to the process.
// Usage: npm run bench -- testing-start [--rounds N] [--nodes N] [--in-process]
//   --in-process   without HTTPS
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { startCluster, type TestCluster } from '@keelson/testing';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '100' },
    nodes: { type: 'string', default: '2' },
    'in-process': { type: 'boolean', default: false },
  },
});
const MIB = 1024 * 1024;

const start = (): Promise<TestCluster> => startCluster({ nodes: Number(values.nodes), http: !values['in-process'] });

async function memory(): Promise<number> {
  // Lets what has ended be collected, if the collector can be called.
  globalThis.gc?.();
  await sleep(50);
  return process.memoryUsage().rss / MIB;
}

const before = await memory();
const times: number[] = [];
let added = 0;
for (let round = 0; round < Number(values.rounds); round += 1) {
  const beganMs = performance.now();
  const cluster = await start();
  const startedMs = performance.now();
  if (round === 0) added = (await memory()) - before;
  const waitedMs = performance.now() - startedMs;
  await cluster.close();
  times.push(performance.now() - beganMs - waitedMs);
}
const grown = (await memory()) - before;
const [first = 0, ...warm] = times;
warm.sort((a, b) => a - b);
const at = (share: number): string => (warm[Math.floor(share * warm.length)] ?? Number.NaN).toFixed(0);
process.stdout.write(
  `testing-start: p50=${at(0.5)} ms p95=${at(0.95)} ms min=${at(0)} ms first=${first.toFixed(0)} ms added=${added.toFixed(0)} MiB after=${grown.toFixed(0)} MiB\n`,
);
