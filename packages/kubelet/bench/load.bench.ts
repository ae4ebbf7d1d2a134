/**
 * How fast pods start on simulated nodes, and what idle nodes cost. All in one process: an API server in memory, and no scheduler, since the pods come
 * with their node.
 *
 *     node --conditions=keelson-source packages/kubelet/bench/load.bench.ts [pods=500] [nodes=1] [idleSeconds=20]
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SystemClock, silentLogger } from '@keelson/base';
import { Pod, Service } from '@keelson/api/core/v1';
import { startTestApiServer } from '@keelson/api-server/testing';
import { createClient, type Transport } from '@keelson/client';
import { EventRecorder, InformerFactory } from '@keelson/controller-runtime';
import { SimulatedRuntime } from '@keelson/runtime';
import { Kubelet } from '../src/index.ts';

const [pods = 500, nodes = 1, idleSeconds = 20] = process.argv.slice(2).map(Number);
const signal = new AbortController().signal;
const clock = new SystemClock();
const api = await startTestApiServer();
const calls = new Map<string, number>();
const client = createClient(counting(api.transport));
const users = createClient(api.transport);
const informers = new InformerFactory({ client: users, clock, logger: silentLogger });
const rootDir = await mkdtemp(join(tmpdir(), 'kubelet-bench-'));

const before = memoryMiB();
const kubelets = Array.from({ length: nodes }, (_, at) => kubelet(`n${at + 1}`, at));
await informers.start(signal);
await Promise.all(kubelets.map((each) => each.kubelet.start(signal)));
await clock.sleep(1500);
console.log(`memory of a node: ${((memoryMiB() - before) / nodes).toFixed(2)} MiB`);
await idle('without pods');
await start();
await idle('with pods');
await remove();
await Promise.all(kubelets.map(async (each) => (await each.kubelet.stop(), each.events.stop())));
await informers.stop();
await api.close();
await rm(rootDir, { recursive: true });

function kubelet(nodeName: string, at: number) {
  const runtime = new SimulatedRuntime({ clock, podCidr: `10.${64 + at}.0.0/16` });
  const events = new EventRecorder({ client, clock, logger: silentLogger, component: 'kubelet', host: nodeName });
  const deps = {
    client,
    clock,
    runtime,
    events,
    logger: silentLogger,
    pods: informers.for(Pod, { fieldSelector: `spec.nodeName=${nodeName}` }),
    services: informers.for(Service),
  };
  const options = { nodeName, rootDir: join(rootDir, nodeName), serving: false as const, maxPods: 100_000 };
  return { kubelet: new Kubelet(deps, options), events };
}

async function start(): Promise<void> {
  calls.clear();
  const cpu = process.cpuUsage();
  const beganMs = performance.now();
  const running = new Set<string>();
  const done = Promise.withResolvers<void>();
  const all = informers.for(Pod);
  await all.whenSynced(signal);
  const subscription = all.deltas$.subscribe((deltas) => {
    for (const { object } of deltas) {
      const ready = object.status?.conditions?.find(({ type }) => type === 'Ready')?.status;
      if (ready === 'True') running.add(object.metadata?.name ?? '');
      if (running.size === pods) done.resolve();
    }
  });
  await Promise.all(Array.from({ length: pods }, (_, at) => users.resource(Pod).create(pod(at))));
  const createdMs = performance.now() - beganMs;
  await done.promise;
  const tookMs = performance.now() - beganMs;
  subscription.unsubscribe();
  await clock.sleep(2000);
  const { user, system } = process.cpuUsage(cpu);
  console.log(
    `pods: ${pods}  created in ${createdMs.toFixed(0)} ms  all ready in ${tookMs.toFixed(0)} ms  cpu ${((user + system) / 1000).toFixed(0)} ms`,
  );
  console.log(`a pod: ${callText(pods)}`);
}

function pod(at: number): Pod {
  const resources = { requests: { cpu: '1m' } };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: `p${at}`, namespace: 'default' },
    spec: {
      nodeName: `n${1 + (at % nodes)}`,
      automountServiceAccountToken: false,
      terminationGracePeriodSeconds: 1,
      containers: [{ name: 'web', image: 'web:1', resources }],
    },
  };
}

async function remove(): Promise<void> {
  const cpu = process.cpuUsage();
  const beganMs = performance.now();
  calls.clear();
  await Promise.all(
    Array.from({ length: pods }, (_, at) => users.resource(Pod).delete({ name: `p${at}`, namespace: 'default' })),
  );
  while (informers.for(Pod).list().length > 0) await clock.sleep(5);
  const { user, system } = process.cpuUsage(cpu);
  console.log(`all gone: cpu ${((user + system) / 1000).toFixed(0)} ms`);
  console.log(`all gone in ${(performance.now() - beganMs).toFixed(0)} ms  a pod: ${callText(pods)}`);
}

async function idle(title: string): Promise<void> {
  calls.clear();
  const cpu = process.cpuUsage();
  await clock.sleep(idleSeconds * 1000);
  const { user, system } = process.cpuUsage(cpu);
  const share = ((user + system) / 1000 / (idleSeconds * 1000)) * 100;
  console.log(`idle ${title}: ${(share / nodes).toFixed(3)} % of a CPU a node; in ${idleSeconds} s a node: ${callText(nodes)}`);
}

function callText(divisor: number): string {
  return [...calls].map(([what, count]) => `${what} ${(count / divisor).toFixed(2)}`).join(', ') || 'no calls';
}

function counting(transport: Transport): Transport {
  const count = (what: string): void => void calls.set(what, (calls.get(what) ?? 0) + 1);
  return new Proxy(transport, {
    get(target, key: keyof Transport) {
      const value = target[key];
      if (typeof value !== 'function') return value;
      return (...args: unknown[]) => {
        const call = args[0] as { method?: string; verb?: string; path?: string } | undefined;
        count(
          `${call?.method ?? call?.verb ?? String(key)} ${(call?.path ?? '')
            .split('?')[0]
            ?.replace(/\/(namespaces\/)?(default|kube-node-lease)\b/, '')
            .replace(/\/(p|n)\d+[^/]*/, '')}`,
        );
        return Reflect.apply(value, target, args);
      };
    },
  });
}

function memoryMiB(): number {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed / 1024 / 1024;
}
