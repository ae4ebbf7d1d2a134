import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isOwnedBy } from '@keelson/api';
import { Deployment } from '@keelson/api/apps/v1';
import { ConfigMap, Event, Service } from '@keelson/api/core/v1';
import { silentLogger, SystemClock } from '@keelson/base';
import { eventually, startCluster, type TestCluster } from '@keelson/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createOperator } from './compose.ts';
import { FINALIZER, STATUS_ANNOTATION, WEBSITE_LABEL } from './website.ts';

const HOME = { name: 'home', namespace: 'default' };

function website(data: Record<string, string>): ConfigMap {
  return { metadata: { ...HOME, labels: { [WEBSITE_LABEL]: 'true' } }, data };
}

async function statusOf({ client }: TestCluster): Promise<string | undefined> {
  return (await client.resource(ConfigMap).get(HOME)).metadata?.annotations?.[STATUS_ANNOTATION];
}

describe('the operator', () => {
  let cluster: TestCluster;
  let operator: ReturnType<typeof createOperator>;

  beforeEach(async () => {
    cluster = await startCluster();
    operator = createOperator({ client: cluster.client, clock: new SystemClock(), logger: silentLogger });
    await operator.start(new AbortController().signal);
  });
  afterEach(async () => {
    await operator.stop();
    await cluster.close();
  });

  const create = (data: Record<string, string>) => cluster.client.resource(ConfigMap).create(website(data));
  const deployment = () => cluster.client.resource(Deployment).find(HOME);
  const service = () => cluster.client.resource(Service).find(HOME);
  const reports = (status: string) => eventually(async () => (await statusOf(cluster)) === status);

  it('runs a website, says how it is doing, and follows changes', async () => {
    const site = await create({ html: '<h1>Hello</h1>', replicas: '2' });
    await reports('2/2 available');
    await cluster.client.resource(ConfigMap).patch(HOME, 'merge', { data: { replicas: '3' } });
    await reports('3/3 available');

    expect(isOwnedBy((await deployment()) ?? {}, site)).toBe(true);
    expect((await service())?.spec?.ports).toMatchObject([{ port: 80, targetPort: 'http' }]);
  });

  it('puts back what somebody has changed or deleted', async () => {
    await create({ html: '' });
    await reports('1/1 available');

    await cluster.client.resource(Service).delete(HOME);
    await cluster.client.resource(Deployment).patch(HOME, 'merge', { spec: { replicas: 5 } });

    await eventually(async () => (await service()) !== undefined && (await deployment())?.spec?.replicas === 1);
  });

  it.each([
    { title: 'the website is deleted', remove: () => cluster.client.resource(ConfigMap).delete(HOME) },
    {
      title: 'the label is taken away',
      remove: () => cluster.client.resource(ConfigMap).patch(HOME, 'merge', { metadata: { labels: { [WEBSITE_LABEL]: null } } }),
    },
  ])('cleans up and lets go when $title', async ({ remove }) => {
    await create({ html: '' });
    await reports('1/1 available');

    await remove();

    await eventually(async () => (await deployment()) === undefined && (await service()) === undefined);
    await eventually(async () => {
      const left = await cluster.client.resource(ConfigMap).find(HOME);
      return !left?.metadata?.finalizers?.includes(FINALIZER);
    });
  });

  it('tells the author of a mistake, and makes nothing', async () => {
    await create({ html: '', replicas: 'many' });
    await reports('invalid: data.replicas is "many", not a whole number from 0 to 100');

    const warned = async () => (await cluster.client.resource(Event).list({ namespace: 'default' })).items;
    await eventually(async () => (await warned()).some(({ reason }) => reason === 'InvalidWebsite'));
    expect(await deployment()).toBeUndefined();
  });

  it("leaves alone what is somebody else's", async () => {
    await cluster.client.resource(Service).create({ metadata: HOME, spec: { ports: [{ port: 8080 }] } });
    await eventually(() => cluster.informers.for(Service).get('home', 'default'));

    await create({ html: '' });

    await eventually(async () => (await statusOf(cluster))?.startsWith('invalid: '));
    expect((await service())?.spec?.ports).toMatchObject([{ port: 8080 }]);
  });
});

describe('the program', () => {
  let directory: string;
  let program: ChildProcess | undefined;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'operator-sample-'));
  });
  afterEach(async () => {
    program?.kill('SIGKILL');
    await rm(directory, { recursive: true, force: true });
  });

  it('works over HTTPS as the leader, and ends cleanly when it is told to stop', async () => {
    await using cluster = await startCluster({ http: true });
    const kubeconfig = join(directory, 'config');
    await writeFile(kubeconfig, cluster.kubeconfig());
    const args = ['--conditions=keelson-source', join(import.meta.dirname, 'main.ts'), '--leader-elect'];
    program = spawn(process.execPath, args, { env: { ...process.env, KUBECONFIG: kubeconfig }, stdio: 'ignore' });
    const exited = once(program, 'exit');

    await cluster.client.resource(ConfigMap).create(website({ html: 'Hello' }));
    await eventually(async () => (await statusOf(cluster)) === '1/1 available', { timeoutMs: 15_000 });
    program.kill('SIGTERM');

    expect(await exited).toEqual([0, null]);
  });
});
