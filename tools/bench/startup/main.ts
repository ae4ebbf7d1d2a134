// Measures how long `keelson up` takes from the start of its process until /readyz says ok, with an empty data directory each time,
// less what Node itself takes to start in the same run; and the memory it holds two seconds later.
// Measures the program as it is published: builds what has changed first.
// Usage: npm run bench -- startup [--rounds N] [--sources] [--profile]
//   --sources   run from the sources instead, module by module
//   --profile   afterwards, where the CPU time of one start goes
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { NodeChild } from '../measure/child.ts';
import { cpuSeconds, processTree, residentMiB } from '../measure/processes.ts';
import { printStartProfile } from './start-profile.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '10' },
    sources: { type: 'boolean', default: false },
    profile: { type: 'boolean', default: false },
  },
});
const SETTLE_MS = 2000;
const root = join(import.meta.dirname, '../../..');
const app = join(root, 'apps/keelson', values.sources ? 'src/main.ts' : 'bundle/main.js');
// Not the system's directory for temporary files: that is memory on many machines.
const scratch = mkdtempSync(join(process.cwd(), '.bench-startup-'));
process.once('exit', () => rmSync(scratch, { recursive: true, force: true }));
let directories = 0;

interface Start {
  readonly readyMs: number;
  readonly cpuMs: number;
  readonly rssMiB: number;
}

function build(): void {
  for (const args of [['node_modules/typescript/bin/tsc', '-b', 'apps/keelson'], ['tools/bundle/main.ts']]) {
    const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: ['ignore', 2, 2] });
    if (status !== 0) throw new Error(`Cannot build the program: ${args.join(' ')} ended with ${status}`);
  }
}

function upArgs(): string[] {
  const data = join(scratch, `${directories++}`);
  return [app, 'up', '--runtime', 'sim', '--store', 'lmdb', '--port', '0', '--data-dir', data];
}

async function measureStart(): Promise<Start> {
  const beganMs = performance.now();
  await using child = await NodeChild.start({ args: upArgs(), isBuilt: !values.sources, ready: /^ready / });
  const [, url = ''] = child.readyLine.split(' ');
  const status = await statusOf(`${url}/readyz`);
  const readyMs = performance.now() - beganMs;
  if (status !== 200) throw new Error(`/readyz answered ${status} after the server said that it is ready`);
  const cpuMs = cpuSeconds(processTree(child.pid)) * 1000;
  await sleep(SETTLE_MS);
  return { readyMs, cpuMs, rssMiB: residentMiB(processTree(child.pid)) };
}

async function statusOf(url: string): Promise<number | undefined> {
  const { promise, resolve, reject } = Promise.withResolvers<number | undefined>();
  const sent = request(url, { rejectUnauthorized: false, agent: false }, (response) => {
    response.resume();
    resolve(response.statusCode);
  });
  sent.on('error', reject).end();
  return promise;
}

/** From the start of a process until its script runs. */
async function measureNode(): Promise<number> {
  const beganMs = performance.now();
  const child = spawn(process.execPath, ['-e', 'process.stdout.write("up")'], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'exit');
  await once(child.stdout, 'data');
  const tookMs = performance.now() - beganMs;
  await ended;
  return tookMs;
}

function quantile(numbers: readonly number[], share: number): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}

if (!values.sources) build();
await measureStart(); // fills the compile cache, as an earlier start would have
const starts: (Start & { readonly nodeMs: number })[] = [];
for (let round = 0; round < Number(values.rounds); round++) {
  const nodeMs = await measureNode();
  const start = await measureStart();
  starts.push({ ...start, nodeMs });
  const { readyMs, cpuMs, rssMiB } = start;
  const figures = `ready ${readyMs.toFixed(0)} ms, Node alone ${nodeMs.toFixed(0)} ms, CPU ${cpuMs.toFixed(0)} ms, RSS ${rssMiB.toFixed(0)} MB`;
  process.stdout.write(`start ${round + 1}: ${figures}\n`);
}
if (values.profile) await printStartProfile(upArgs(), !values.sources);
const own = starts.map(({ readyMs, nodeMs }) => readyMs - nodeMs);
const median = (of: (start: (typeof starts)[number]) => number): string => quantile(starts.map(of), 0.5).toFixed(0);
const times = `p50=${quantile(own, 0.5).toFixed(0)} ms p95=${quantile(own, 0.95).toFixed(0)} ms min=${quantile(own, 0).toFixed(0)} ms`;
const others = `rss=${median(({ rssMiB }) => rssMiB)} MB cpu=${median(({ cpuMs }) => cpuMs)} ms node=${median(({ nodeMs }) => nodeMs)} ms`;
process.stdout.write(`startup: ${times} ${others}\n`);
