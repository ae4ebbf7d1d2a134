import { Pod } from '@keelson/api/core/v1';
import { PodDisruptionBudget, type PodDisruptionBudgetStatus } from '@keelson/api/policy/v1';
import { statusOf, type StatusObject } from '@keelson/api';
import { createClient, type Client } from '@keelson/client';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startTestApiServer, type TestApiServer } from '../testing.ts';

const WHERE = { name: 'web', namespace: 'default' };
const LABELS = { app: 'web' };
const HEALTHY = { observedGeneration: 1, currentHealthy: 3, desiredHealthy: 2, expectedPods: 3, disruptionsAllowed: 1 };

describe('eviction', () => {
  let api: TestApiServer;
  let client: Client;

  beforeEach(async () => {
    api = await startTestApiServer();
    client = createClient(api.transport);
    const spec = { nodeName: 'n', containers: [{ name: 'c', image: 'i' }] };
    await client.resource(Pod).create({ metadata: { ...WHERE, labels: LABELS }, spec });
    await ready('True');
  });

  afterEach(() => api.close());

  async function ready(status: string, phase = 'Running'): Promise<void> {
    await client.resource(Pod).patchStatus(WHERE, 'merge', { status: { phase, conditions: [{ type: 'Ready', status }] } });
  }

  async function budget(
    status: Partial<PodDisruptionBudgetStatus>,
    spec: PodDisruptionBudget['spec'] = {},
    name = 'web',
  ): Promise<void> {
    const budgets = client.resource(PodDisruptionBudget);
    await budgets.create({
      metadata: { name, namespace: 'default' },
      spec: { minAvailable: 2, selector: { matchLabels: LABELS }, ...spec },
    });
    await budgets.patchStatus({ name, namespace: 'default' }, 'merge', { status });
  }

  async function evict(deleteOptions?: object, dryRun = false): Promise<StatusObject | undefined> {
    const body = {
      apiVersion: 'policy/v1',
      kind: 'Eviction',
      metadata: { name: 'web' },
      ...(deleteOptions && { deleteOptions }),
    };
    return client
      .resource(Pod)
      .subresource(WHERE, { subresource: 'eviction', method: 'POST', body, dryRun })
      .then(
        () => undefined,
        (error: unknown) => statusOf(error),
      );
  }

  const pod = (): Promise<Pod> => client.resource(Pod).get(WHERE);
  const budgetStatus = async (): Promise<PodDisruptionBudget['status']> =>
    (await client.resource(PodDisruptionBudget).get(WHERE)).status;

  it('deletes a pod that no budget guards, and says why in the pod', async () => {
    await budget(HEALTHY, { selector: { matchLabels: { app: 'other' } } });
    const refusal = await evict();

    expect(refusal).toBeUndefined();
    expect((await pod()).metadata?.deletionTimestamp).toBeDefined();
    expect((await pod()).status?.conditions?.at(-1)).toMatchObject({
      type: 'DisruptionTarget',
      status: 'True',
      reason: 'EvictionByEvictionAPI',
      message: 'Eviction API: evicting',
    });
  });

  it('charges the budget, and notes there which pod goes', async () => {
    await budget(HEALTHY);
    const refusal = await evict();

    expect(refusal).toBeUndefined();
    expect(await budgetStatus()).toMatchObject({
      disruptionsAllowed: 0,
      disruptedPods: { web: expect.any(String) },
      conditions: [{ type: 'DisruptionAllowed', status: 'False', reason: 'InsufficientPods', observedGeneration: 1 }],
    });
  });

  it.each<{ title: string; status: Partial<PodDisruptionBudgetStatus>; retryAfter: number | undefined; message: string }>([
    {
      title: 'no disruption is left',
      status: { ...HEALTHY, currentHealthy: 2, disruptionsAllowed: 0 },
      retryAfter: undefined,
      message: 'The disruption budget web needs 2 healthy pods and has 2 currently',
    },
    {
      title: 'nobody has counted yet',
      status: { ...HEALTHY, observedGeneration: 0 },
      retryAfter: 10,
      message: 'The disruption budget web is still being processed by the server.',
    },
    {
      title: 'it could not be counted',
      status: {
        ...HEALTHY,
        disruptionsAllowed: 0,
        conditions: [
          {
            type: 'DisruptionAllowed',
            status: 'False',
            reason: 'SyncFailed',
            message: 'found no controllers',
            lastTransitionTime: '2026-01-01T00:00:00Z',
          },
        ],
      },
      retryAfter: undefined,
      message: 'The disruption budget web does not allow evicting pods currently because it failed sync: found no controllers',
    },
  ])('is refused if $title', async ({ status, retryAfter, message }) => {
    await budget(status);
    const refusal = await evict();

    expect(refusal).toMatchObject({
      code: 429,
      reason: 'TooManyRequests',
      message: "Cannot evict pod as it would violate the pod's disruption budget.",
      details: { causes: [{ reason: 'DisruptionBudget', message }] },
    });
    expect(refusal?.details?.retryAfterSeconds).toBe(retryAfter);
    expect((await pod()).metadata?.deletionTimestamp).toBeUndefined();
    expect((await pod()).status?.conditions).toHaveLength(1);
  });

  it('fails if several budgets guard the pod', async () => {
    await budget(HEALTHY);
    await budget(HEALTHY, {}, 'second');
    const refusal = await evict();

    expect(refusal).toMatchObject({
      code: 500,
      message: 'This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.',
    });
  });

  it.each([
    { title: 'while there are enough others', policy: undefined, currentHealthy: 2, want: undefined },
    { title: 'not while there are too few', policy: undefined, currentHealthy: 1, want: 429 },
    { title: 'not while there are too few', policy: 'IfHealthyBudget', currentHealthy: 1, want: 429 },
    { title: 'always, if it may', policy: 'AlwaysAllow', currentHealthy: 0, want: undefined },
  ])('lets a pod that is not ready go $title ($policy)', async ({ policy, currentHealthy, want }) => {
    await ready('False');
    await budget(
      { ...HEALTHY, currentHealthy, disruptionsAllowed: 0 },
      policy === undefined ? {} : { unhealthyPodEvictionPolicy: policy },
    );
    const refusal = await evict();

    expect(refusal?.code).toBe(want);
    expect((await budgetStatus())?.disruptedPods).toBeUndefined();
  });

  it.each(['Pending', 'Succeeded', 'Failed'])('asks no budget about a pod that is %s', async (phase) => {
    await ready('False', phase);
    await budget({ ...HEALTHY, currentHealthy: 0, disruptionsAllowed: 0 });
    const refusal = await evict();

    expect(refusal).toBeUndefined();
  });

  it.each([
    { title: 'by the request', options: undefined, dryRun: true },
    { title: 'by the body', options: { dryRun: ['All'] }, dryRun: false },
  ])('changes nothing if it is only tried $title', async ({ options, dryRun }) => {
    await budget(HEALTHY);
    const refusal = await evict(options, dryRun);

    expect(refusal).toBeUndefined();
    expect((await pod()).metadata?.deletionTimestamp).toBeUndefined();
    expect((await pod()).status?.conditions).toHaveLength(1);
    expect(await budgetStatus()).toMatchObject({ disruptionsAllowed: 1 });
  });

  it('only evicts the pod that is meant', async () => {
    const wrongUid = await evict({ preconditions: { uid: 'other' } });
    const wrongVersion = await evict({ preconditions: { resourceVersion: '1' } });
    const { resourceVersion = '', uid = '' } = (await pod()).metadata ?? {};
    const right = await evict({ preconditions: { uid, resourceVersion } });

    expect([wrongUid?.code, wrongVersion?.code, right]).toEqual([409, 409, undefined]);
  });

  it('never lets more pods go than there is room for, however many are evicted at a time', async () => {
    const names = ['a', 'b', 'c', 'd', 'e', 'f'];
    for (const name of names) {
      const spec = { nodeName: 'n', containers: [{ name: 'c', image: 'i' }] };
      await client.resource(Pod).create({ metadata: { name, namespace: 'default', labels: LABELS }, spec });
      const status = { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] };
      await client.resource(Pod).patchStatus({ name, namespace: 'default' }, 'merge', { status });
    }
    await budget({ ...HEALTHY, disruptionsAllowed: 2 });
    const results = await Promise.allSettled(
      names.map((name) =>
        client
          .resource(Pod)
          .subresource({ name, namespace: 'default' }, { subresource: 'eviction', method: 'POST', body: { metadata: { name } } }),
      ),
    );

    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(2);
    expect(await budgetStatus()).toMatchObject({ disruptionsAllowed: 0 });
  });
});
