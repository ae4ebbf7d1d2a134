// What each operator makes of things that go wrong: the operator is a program of its own, the API server one whose faults can be switched on.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CustomResourceDefinition } from '@keelson/api/apiextensions/v1';
import { ConfigMap } from '@keelson/api/core/v1';
import { SystemClock } from '@keelson/base';
import { startCluster, type TestCluster } from '@keelson/testing';
import { parse } from 'yaml';
import { Greeting } from './operators/keelson/operator.ts';
import { deploy, startModule } from './operators/pepr/deployed.ts';
import { CRD } from './operators/test-server.ts';

export const OPERATORS = ['keelson', 'client-node', 'pepr'] as const;
export type Operator = (typeof OPERATORS)[number];

/** How long an operator has until all is as it should be again. */
const DEADLINE_MS = 30_000;
const clock = new SystemClock();
const at = (name: string) => ({ name, namespace: 'default' });

interface World {
  readonly cluster: TestCluster;
  readonly operator: { stop(): Promise<void>; start(): Promise<void> };
}

interface Scenario {
  readonly title: string;
  /** Greeting `first` has its ConfigMap when it begins. */
  readonly run: (world: World) => Promise<void>;
  /** The text that the ConfigMap of `first` shall have in the end. `hello` if absent. */
  readonly text?: string;
  /** The definition of the kind is made by the scenario. */
  readonly isBare?: true;
}

const change = (cluster: TestCluster, text: string) =>
  cluster.client.resource(Greeting).patch(at('first'), 'merge', { spec: { text } });
const spoil = (cluster: TestCluster) =>
  cluster.client.resource(ConfigMap).patch(at('first'), 'merge', { data: { text: 'spoilt' } });
const define = (cluster: TestCluster) =>
  cluster.client.resource(CustomResourceDefinition).create(parse(CRD) as CustomResourceDefinition);
const greet = (cluster: TestCluster) =>
  cluster.client.resource(Greeting).create({ metadata: at('first'), spec: { text: 'hello' } });

export const SCENARIOS: readonly Scenario[] = [
  {
    title: 'restarts: a Greeting was changed, its ConfigMap too, while it was away',
    text: 'bye',
    run: async ({ cluster, operator }) => {
      await operator.stop();
      await change(cluster, 'bye');
      await spoil(cluster);
      await operator.start();
    },
  },
  {
    title: 'restarts: only a ConfigMap was deleted while it was away',
    run: async ({ cluster, operator }) => {
      await operator.stop();
      await cluster.client.resource(ConfigMap).delete(at('first'));
      await operator.start();
    },
  },
  {
    title: 'a write of its own is refused once: 409',
    text: 'bye',
    run: async ({ cluster }) => {
      cluster.faults.fail(
        { verb: ['patch', 'update'], resource: 'configmaps', user: 'test-admin' },
        { reason: 'Conflict', times: 1 },
      );
      await change(cluster, 'bye');
    },
  },
  {
    title: 'the server fails three times: 500',
    text: 'bye',
    run: async ({ cluster }) => {
      const match = { verb: ['patch', 'update', 'create'], resource: 'configmaps', user: 'test-admin' };
      cluster.faults.fail(match, { reason: 'InternalError', times: 3 });
      await change(cluster, 'bye');
    },
  },
  {
    title: 'the server is too busy, twice: 429 with Retry-After',
    text: 'bye',
    run: async ({ cluster }) => {
      const match = { verb: ['patch', 'update', 'create'], resource: 'configmaps', user: 'test-admin' };
      cluster.faults.fail(match, { reason: 'TooManyRequests', retryAfterSeconds: 1, times: 2 });
      await change(cluster, 'bye');
    },
  },
  {
    title: 'watches break off, and a change comes at once after that',
    text: 'bye',
    run: async ({ cluster }) => {
      cluster.faults.dropWatches();
      await change(cluster, 'bye');
    },
  },
  {
    title: 'watches are told that they are too old: 410',
    text: 'bye',
    run: async ({ cluster }) => {
      cluster.faults.expireWatches();
      await change(cluster, 'bye');
    },
  },
  {
    title: 'the API server is away for five seconds, and a ConfigMap is lost just before it comes back',
    run: async ({ cluster }) => {
      cluster.faults.dropWatches();
      const away = cluster.faults.fail({ user: 'test-admin' }, { reason: 'ServiceUnavailable' });
      await clock.sleep(5_000);
      away[Symbol.dispose]();
      await cluster.client.resource(ConfigMap).delete(at('first'));
    },
  },
  {
    title: 'the kind is defined only after it has started',
    isBare: true,
    run: async ({ cluster }) => {
      await clock.sleep(3_000);
      await define(cluster);
      await until(() => greet(cluster));
    },
  },
];

/** Seconds until all was well; none if it was not in time. */
export async function suffer(operator: Operator, scenario: Scenario): Promise<number | undefined> {
  const directory = mkdtempSync(join(tmpdir(), 'keelson-comparison-'));
  const kubeconfig = join(directory, 'kubeconfig');
  const controllers = ['garbage-collector-controller'];
  await using cluster = await startCluster({ nodes: 0, scheduler: false, controllers, http: true });
  writeFileSync(kubeconfig, cluster.kubeconfig());
  if (operator === 'pepr') await deploy(kubeconfig);
  if (!scenario.isBare) await define(cluster);
  const program = new Program(operator, kubeconfig);
  try {
    await program.start();
    if (!scenario.isBare) await settle(cluster);
    const beganMs = clock.monotonic();
    await scenario.run({ cluster, operator: program });
    const isWell = await until(async () => (await textOf(cluster)) === (scenario.text ?? 'hello'), DEADLINE_MS);
    return isWell ? (clock.monotonic() - beganMs) / 1_000 : undefined;
  } finally {
    cluster.faults.clear();
    await program.stop();
    rmSync(directory, { recursive: true });
  }
}

/** The operator works, and is at rest. */
async function settle(cluster: TestCluster): Promise<void> {
  await until(() => greet(cluster));
  const isReady = async (): Promise<boolean> => {
    const { status } = await cluster.client.resource(Greeting).get(at('first'));
    return status?.observedGeneration === 1 && (await textOf(cluster)) === 'hello';
  };
  if (!(await until(isReady, 60_000))) throw new Error('the operator did not begin to work');
  await clock.sleep(1_000);
}

async function textOf(cluster: TestCluster): Promise<string | undefined> {
  return (await cluster.client.resource(ConfigMap).find(at('first')))?.data?.['text'];
}

async function until(look: () => Promise<unknown>, timeoutMs = DEADLINE_MS): Promise<boolean> {
  const endMs = clock.monotonic() + timeoutMs;
  while (clock.monotonic() < endMs) {
    if (await look().catch(() => false)) return true;
    await clock.sleep(10);
  }
  return false;
}

class Program {
  readonly #operator: Operator;
  readonly #kubeconfig: string;
  #stop: (() => Promise<void>) | undefined;

  constructor(operator: Operator, kubeconfig: string) {
    this.#operator = operator;
    this.#kubeconfig = kubeconfig;
  }

  async start(): Promise<void> {
    this.#stop = this.#operator === 'pepr' ? await startModule(this.#kubeconfig) : this.#spawn();
  }

  async stop(): Promise<void> {
    await this.#stop?.();
    this.#stop = undefined;
  }

  #spawn(): () => Promise<void> {
    const script = join(import.meta.dirname, 'operators', this.#operator, 'main.ts');
    const env = { ...process.env, KUBECONFIG: this.#kubeconfig };
    const child = spawn(process.execPath, ['--conditions=keelson-source', script], { env, stdio: 'ignore' });
    return async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    };
  }
}
