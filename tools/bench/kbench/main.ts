// Puts the load of a busy cluster on an API server and prints what each operation costs, in echoes: the CPU time that Node's own
// HTTPS server spends on a GET of 7 KB, measured before and after each case, so that figures of different machines and moments compare.
// Needs Linux and Go. Usage:
//   npm run bench -- kbench [--count N] [--rounds N] [--cluster] [--profile] [PART...]    on a fresh server for each part
//   npm run bench -- kbench --kubeconfig FILE [--pids PID,...] [PART...]                  on any server that speaks the API
// With several rounds it closes with each case's round of median cost.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { loadKubeconfig } from '@keelson/client';
import { RemoteProfiler, topFunctions } from '../measure/profile.ts';
import { UsageMeter } from '../measure/processes.ts';
import { Echo } from './echo.ts';
import { buildLoadTool, LoadTool } from './load-tool.ts';
import { PARTS, type Case, type Part } from './parts.ts';
import { median, printHead, printMedians, printProfile, printRow, type Row } from './report.ts';
import { startServer, type Server } from './server.ts';

const { values, positionals } = parseArgs({
  options: {
    kubeconfig: { type: 'string' },
    pids: { type: 'string', default: '' },
    count: { type: 'string', default: '5000' },
    rounds: { type: 'string', default: '1' },
    cluster: { type: 'boolean', default: false },
    profile: { type: 'boolean', default: false },
  },
  allowPositionals: true,
});

function chosenParts(): readonly Part[] {
  if (positionals.length === 0) return PARTS.filter(({ needsCluster }) => !needsCluster || values.kubeconfig === undefined);
  return positionals.map((name) => {
    const part = PARTS.find((each) => each.name === name);
    if (part) return part;
    process.stderr.write(`kbench: no part "${name}"; one of: ${PARTS.map((each) => each.name).join(', ')}\n`);
    process.exit(2);
  });
}

function openServer(part: Part): Promise<Server> {
  if (values.kubeconfig === undefined)
    return startServer({ isCluster: values.cluster || part.needsCluster === true, inspect: values.profile });
  const pids = values.pids.split(',').filter((pid) => pid !== '');
  const config = loadKubeconfig(values.kubeconfig);
  return Promise.resolve({
    config,
    pids: pids.map(Number),
    inspectorUrl: undefined,
    [Symbol.asyncDispose]: async () => undefined,
  });
}

interface Bench {
  readonly tool: LoadTool;
  readonly server: Server;
  readonly profiler: RemoteProfiler | undefined;
  readonly echo: Echo;
}

async function runCase({ tool, server, profiler, echo }: Bench, one: Case): Promise<Row | undefined> {
  let meter = new UsageMeter(server.pids);
  const result = await tool.run(one.job, async () => {
    await profiler?.start();
    meter = new UsageMeter(server.pids);
  });
  const usage = meter.stop();
  const profile = result.state === 'done' ? await profiler?.stop() : undefined;
  if (one.isSetup && result.state === 'done' && result.errors === 0) return undefined;
  const row: Row = { ...one, result, usage, echoMs: await echo.around(), isMetered: server.pids.length > 0 };
  printRow(row);
  if (profile) printProfile(topFunctions(profile, 15));
  return row;
}

async function runPart(binary: string, echo: Echo, part: Part): Promise<Row[]> {
  await using server = await openServer(part);
  await using tool = await LoadTool.start(binary, server.config);
  await using profiler = server.inspectorUrl === undefined ? undefined : await RemoteProfiler.connect(server.inspectorUrl);
  await echo.around();
  printHead(part.name);
  const rows: Row[] = [];
  for (const one of part.cases(Number(values.count))) {
    const row = await runCase({ tool, server, profiler, echo }, one);
    if (row) rows.push(row);
  }
  return rows;
}

const scratch = mkdtempSync(join(tmpdir(), 'keelson-kbench-'));
try {
  const binary = buildLoadTool(scratch);
  await using echo = await Echo.start(binary);
  const rounds = Number(values.rounds);
  const rows: Row[] = [];
  for (let round = 0; round < rounds; round++) {
    for (const part of chosenParts()) rows.push(...(await runPart(binary, echo, part)));
  }
  if (rounds > 1) printMedians(rows, rounds);
  const failed = rows.filter(({ result }) => result.state === 'failed' || result.errors > 0).length;
  const p50 = median(rows.map(({ result }) => result.p50Ms));
  process.stdout.write(`\nkbench: p50=${p50.toFixed(2)} ms cases=${rows.length} failed=${failed}\n`);
  if (failed > 0) process.exitCode = 1;
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
