// Measures pods on a real runtime, through a whole cluster (`keelson up`): from the creation of a pod until its status says Running, against the same
// container on the bare tools of the same machine, in turns; many pods at once; what an idle node with many pods costs.
// Measures the program as it is published: builds what has changed first. Needs root; for Docker an engine at $DOCKER_HOST with keelson/busybox:1.
// Usage: npm run bench -- pods [--runtime lxc|docker|sim] [--rounds N] [--many N] [--full N] [--idle-seconds N]
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { NodeChild } from '../measure/child.ts';
import { cpuSeconds, residentMiB } from '../measure/processes.ts';
import { openBare, timed } from './bare.ts';
import { PodLoad } from './pod-load.ts';

const { values } = parseArgs({
  options: {
    runtime: { type: 'string', default: 'lxc' },
    rounds: { type: 'string', default: '15' },
    many: { type: 'string', default: '50' },
    full: { type: 'string', default: '110' },
    'idle-seconds': { type: 'string', default: '20' },
  },
});
const runtime = values.runtime;
const root = join(import.meta.dirname, '../../..');
const app = join(root, 'apps/keelson/bundle/main.js');
const archive = join(process.env['LAB_DIR'] ?? join(root, '.lab'), 'images/busybox.tar');
// Not the system's directory for temporary files: that is memory on many machines, and overlays cannot be made there.
const scratch = mkdtempSync(join(process.cwd(), '.bench-pods-'));
process.once('exit', () => rmSync(scratch, { recursive: true, force: true }));
const dataDir = join(scratch, 'data');

function run(file: string, ...args: readonly string[]): void {
  const { status } = spawnSync(file, args, { cwd: root, stdio: ['ignore', 2, 2] });
  if (status !== 0) throw new Error(`${file} ${args.join(' ')} ended with ${status}`);
}

function quantileOf(numbers: readonly number[], share: number): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}

function quantile(numbers: readonly number[], share: number): string {
  return quantileOf(numbers, share).toFixed(0);
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

run(process.execPath, 'node_modules/typescript/bin/tsc', '-b', 'apps/keelson');
run(process.execPath, 'tools/bundle/main.ts');
if (runtime !== 'sim') run(join(root, 'tools/lab/images'), 'busybox');
if (runtime === 'lxc') run(process.execPath, app, 'load-image', archive, '--data-dir', dataDir);

const bare = await openBare(runtime, { scratch, archive });
const args = [app, 'up', '--runtime', runtime, '--port', '0', '--data-dir', dataDir, '--proxy-mode', 'none', '--dns', 'off'];
const child = await NodeChild.start({ args, isBuilt: true, ready: /^ready / });
try {
  const load = await PodLoad.open(join(dataDir, 'kubeconfig'));
  const alone: number[] = [];
  const others = bare.starts.map((start) => ({ start, ms: [] as number[] }));
  // In turns, so that both meet the machine as it is. The first round warms up.
  for (let round = 0; round < Number(values.rounds) + 1; round += 1) {
    for (const { start, ms } of others) {
      const tookMs = await timed(start, round);
      if (round > 0) ms.push(tookMs);
    }
    const ms = await load.startOne(`one-${round}`);
    if (round > 0) alone.push(ms);
    await load.deleteAll();
  }
  const about = (ms: readonly number[]) =>
    `p50=${quantile(ms, 0.5)} ms p95=${quantile(ms, 0.95)} ms min=${quantile(ms, 0)} ms n=${ms.length}`;
  const ratioTo = (ms: readonly number[], share: number) => (quantileOf(alone, share) / quantileOf(ms, share)).toFixed(2);
  say(`one pod on ${runtime}: ${about(alone)}`);
  for (const { start, ms } of others)
    say(`bare ${start.what}: ${about(ms)}: the pod takes ${ratioTo(ms, 0.5)} times p50, ${ratioTo(ms, 0)} times min`);
  const ratio = others.map(({ ms }) => ` ratio=${ratioTo(ms, 0.5)}`).join('');

  const many = Number(values.many);
  const all = await load.startMany('many', many);
  say(`${many} pods at once: ${(all.seconds * 1000).toFixed(0)} ms, ${(many / all.seconds).toFixed(1)} pods/s`);
  const full = Number(values.full);
  const rest = await load.startMany('full', full - many);
  say(`${full} pods on the node: the last ${full - many} in ${(rest.seconds * 1000).toFixed(0)} ms`);

  await sleep(5000);
  const before = cpuSeconds([child.pid]);
  const idleSeconds = Number(values['idle-seconds']);
  await sleep(idleSeconds * 1000);
  const cpu = ((cpuSeconds([child.pid]) - before) / idleSeconds) * 100;
  const deleting = await load.deleteAll();
  say(
    `idle with ${full} pods, the whole cluster in one process: cpu=${cpu.toFixed(1)} % of a core, rss=${residentMiB([child.pid]).toFixed(0)} MiB`,
  );
  say(`${full} pods deleted: ${(deleting * 1000).toFixed(0)} ms`);
  say(
    `pods: runtime=${runtime} p50=${quantile(alone, 0.5)} ms many=${(many / all.seconds).toFixed(1)} pods/s cpu=${cpu.toFixed(1)} %${ratio}`,
  );
  await load.close();
} finally {
  await child[Symbol.asyncDispose]();
  await bare[Symbol.asyncDispose]();
  run(process.execPath, app, 'reset', '--data-dir', dataDir);
}
