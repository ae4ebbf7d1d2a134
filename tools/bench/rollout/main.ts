// Rolls out Deployments on a whole cluster with simulated nodes, and prints how many pods a second became available and what each cost: all that
// the cluster does is in its one process (API server, store on disk, controllers, scheduler, kubelets), and all of its CPU time counts.
// Usage: npm run bench -- rollout [--deployments N] [--pods N] [--nodes N] [--rounds N] [--profile]
// The cost is also given in echoes (see kbench) where Go is there. Needs Linux.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Deployment } from '@keelson/api/apps/v1';
import { Namespace, ServiceAccount } from '@keelson/api/core/v1';
import { silentLogger, SystemClock } from '@keelson/base';
import { createClient, httpsTransport, type Client } from '@keelson/client';
import { InformerFactory } from '@keelson/controller-runtime';
import { Echo } from '../kbench/echo.ts';
import { buildLoadTool } from '../kbench/load-tool.ts';
import { median, printProfile } from '../kbench/report.ts';
import { startServer, type Server } from '../kbench/server.ts';
import { UsageMeter } from '../measure/processes.ts';
import { RemoteProfiler, topFunctions } from '../measure/profile.ts';

const { values } = parseArgs({
  options: {
    deployments: { type: 'string', default: '1000' },
    pods: { type: 'string', default: '5' },
    nodes: { type: 'string', default: '50' },
    rounds: { type: 'string', default: '1' },
    profile: { type: 'boolean', default: false },
  },
});
const [deployments, podsEach] = [Number(values.deployments), Number(values.pods)];
const pods = deployments * podsEach;
const namespace = 'rollout';
/** Requests under way at the same time. */
const CLIENTS = 16;
const DEADLINE_MS = 600_000;

interface Rollout {
  readonly seconds: number;
  readonly cpuMsPerPod: number;
  readonly residentMiB: number;
  readonly echoMs: number | undefined;
}

function deployment(index: number): Deployment {
  const labels = { app: `app-${index}` };
  const resources = { requests: { cpu: '10m', memory: '16Mi' } };
  const template = { metadata: { labels }, spec: { containers: [{ name: 'app', image: 'registry.example/app:1', resources }] } };
  const spec = { replicas: podsEach, selector: { matchLabels: labels }, template };
  return { metadata: { name: `app-${index}`, namespace }, spec };
}

async function prepare(client: Client): Promise<void> {
  await client.resource(Namespace).create({ metadata: { name: namespace } });
  const clock = new SystemClock();
  while (!(await client.resource(ServiceAccount).find({ name: 'default', namespace }))) await clock.sleep(20);
}

async function createAll(client: Client): Promise<void> {
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < deployments) await client.resource(Deployment).create(deployment(next++));
  };
  await Promise.all(Array.from({ length: CLIENTS }, work));
}

/** Resolves when all pods of all Deployments are available. */
async function rollOut(client: Client): Promise<void> {
  const [clock, end] = [new SystemClock(), new AbortController()];
  const informers = new InformerFactory({ client, clock, logger: silentLogger });
  const all = informers.for(Deployment, { namespace });
  await informers.start(end.signal);
  using _deadline = clock.after(DEADLINE_MS, () => end.abort(new Error(`not rolled out after ${DEADLINE_MS} ms`)));
  try {
    await createAll(client);
    const isDone = ({ status }: Deployment): boolean => status?.availableReplicas === podsEach;
    await all.until(() => all.size === deployments && all.list().every(isDone), end.signal);
  } finally {
    await informers.stop();
  }
}

async function measure(server: Server, echo: Echo | undefined): Promise<Rollout> {
  const client = createClient(httpsTransport(server.config));
  await using profiler = server.inspectorUrl === undefined ? undefined : await RemoteProfiler.connect(server.inspectorUrl);
  await echo?.around();
  await prepare(client);
  await profiler?.start();
  const meter = new UsageMeter(server.pids);
  await rollOut(client);
  const usage = meter.stop();
  const profile = await profiler?.stop();
  if (profile) printProfile(topFunctions(profile, 30));
  await client.transport.close();
  return {
    seconds: usage.seconds,
    cpuMsPerPod: (usage.cpuSeconds * 1000) / pods,
    residentMiB: usage.residentMiB,
    echoMs: await echo?.around(),
  };
}

/** None where there is no Go. */
async function startEcho(directory: string): Promise<Echo | undefined> {
  try {
    return await Echo.start(buildLoadTool(directory));
  } catch {
    return undefined;
  }
}

const scratch = mkdtempSync(join(tmpdir(), 'keelson-rollout-'));
try {
  await using echo = await startEcho(scratch);
  const rounds: Rollout[] = [];
  for (let round = 0; round < Number(values.rounds); round += 1) {
    const clusterOptions = ['--nodes', values.nodes, '--proxy-mode', 'none', '--dns', 'off'];
    await using server = await startServer({ isCluster: true, inspect: values.profile, clusterOptions });
    rounds.push(await measure(server, echo));
  }
  const of = (figure: (round: Rollout) => number): number => median(rounds.map(figure));
  const ratio = echo ? ` = ${of(({ cpuMsPerPod, echoMs = NaN }) => cpuMsPerPod / echoMs).toFixed(0)} echoes` : '';
  const speed = of(({ seconds }) => pods / seconds).toFixed(0);
  const cost = of(({ cpuMsPerPod }) => cpuMsPerPod).toFixed(2);
  const memory = of(({ residentMiB }) => residentMiB).toFixed(0);
  process.stdout.write(
    `rollout: ${deployments} Deployments of ${podsEach} pods on ${values.nodes} nodes: ${speed} pods/s, ${cost} ms of CPU a pod${ratio}, rss=${memory} MiB\n`,
  );
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
