import { findCondition, isOwnedBy } from '@keelson/api';
import { Deployment } from '@keelson/api/apps/v1';
import { ConfigMap, Event, Service } from '@keelson/api/core/v1';
import { eventually } from '@keelson/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startWorld, type World } from './testing/world.ts';
import { FINALIZER } from './website-controller.ts';
import { Website } from './website.ts';

let world: World;
beforeAll(async () => {
  world = await startWorld();
}, 120_000);
afterAll(async () => {
  await world[Symbol.asyncDispose]();
});

const sites = () => world.client.resource(Website);

async function site(spec: Partial<Website['spec']> = {}): Promise<{ readonly name: string; readonly namespace: string }> {
  const where = { name: 'home', namespace: await world.namespace() };
  await sites().create({ metadata: where, spec: { html: '<h1>Hello</h1>', ...spec } as Website['spec'] });
  return where;
}

function ready(where: { readonly name: string; readonly namespace: string }, replicas: number): Promise<Website> {
  return eventually(async () => {
    const found = await sites().get(where);
    const condition = findCondition(found.status?.conditions, 'Ready');
    const isCurrent = condition?.status === 'True' && found.status?.observedGeneration === found.metadata?.generation;
    return isCurrent && found.status?.availableReplicas === replicas && found;
  });
}

describe('a website', () => {
  it('runs, says how it is doing, and follows changes', async () => {
    const where = await site({ replicas: 2 });
    const first = await ready(where, 2);

    await sites().patch(where, 'merge', { spec: { replicas: 3, html: 'new' } });
    await ready(where, 3);

    const map = await world.client.resource(ConfigMap).get(where);
    expect(map.data).toEqual({ 'index.html': 'new' });
    expect(isOwnedBy(map, first)).toBe(true);
    expect(first.spec.host).toBe(`home.${where.namespace}.example.com`);
  });

  it('puts back what somebody has deleted, and keeps what others have added', async () => {
    const where = await site();
    await ready(where, 1);
    await world.client
      .resource(Deployment)
      .patch(where, 'merge', { metadata: { annotations: { 'team.example.com/owner': 'us' } } });

    await world.client.resource(Service).delete(where);
    await sites().patch(where, 'merge', { spec: { html: 'again' } });

    await eventually(() => world.client.resource(Service).find(where));
    expect((await world.client.resource(Deployment).get(where)).metadata?.annotations).toMatchObject({
      'team.example.com/owner': 'us',
    });
  });

  it('lets its pods end before it goes, and takes everything with it', async () => {
    const where = await site({ replicas: 2 });
    await ready(where, 2);
    expect((await sites().get(where)).metadata?.finalizers).toContain(FINALIZER);

    await sites().delete(where);

    await eventually(async () => (await sites().find(where)) === undefined);
    await eventually(async () => (await world.client.resource(Deployment).find(where)) === undefined);
  });

  it("leaves alone what is somebody else's, and says so", async () => {
    const where = { name: 'home', namespace: await world.namespace() };
    const other = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      name: 'boss',
      uid: 'b0550000-0000-4000-8000-000000000000',
      controller: true,
    };
    await world.client.resource(ConfigMap).create({ metadata: { name: 'boss', namespace: where.namespace } });
    const boss = await world.client.resource(ConfigMap).get({ name: 'boss', namespace: where.namespace });
    const owner = { ...other, uid: boss.metadata?.uid ?? '' };
    await world.client
      .resource(Service)
      .create({ metadata: { ...where, ownerReferences: [owner] }, spec: { ports: [{ port: 8080 }] } });

    await sites().create({ metadata: where, spec: { html: 'x', replicas: 1 } });

    const told = await eventually(async () => {
      const found = findCondition((await sites().get(where)).status?.conditions, 'Ready');
      return found?.reason === 'NotApplied' && found;
    });
    expect(told.status).toBe('False');
    expect((await world.client.resource(Service).get(where)).spec?.ports).toMatchObject([{ port: 8080 }]);
    const events = async () => (await world.client.resource(Event).list({ namespace: where.namespace })).items;
    await eventually(async () => (await events()).some(({ reason }) => reason === 'NotApplied'));
  });
});

describe('what authors write', () => {
  it.each([
    { title: 'nothing to serve', spec: { html: '' }, message: 'spec.html' },
    { title: 'too many replicas', spec: { html: 'x', replicas: 101 }, message: 'should be less than or equal to 100' },
  ])('is refused by the schema: $title', async ({ spec, message }) => {
    await expect(site(spec)).rejects.toMatchObject({ reason: 'Invalid', message: expect.stringContaining(message) });
  });

  it('is refused by a rule: another host', async () => {
    const where = await site({ host: 'a.example.com' });

    await expect(sites().patch(where, 'merge', { spec: { host: 'b.example.com' } })).rejects.toMatchObject({
      reason: 'Invalid',
      message: expect.stringContaining('a website keeps its host'),
    });
  });

  it('is refused by the webhook: a host that is taken', async () => {
    const where = await site({ host: 'a.example.com' });
    const twin = {
      metadata: { name: 'twin', namespace: where.namespace },
      spec: { html: 'x', replicas: 1, host: 'a.example.com' },
    };

    const refusal = await eventually(async () => {
      try {
        await sites().create(twin, { dryRun: true });
        return undefined;
      } catch (error) {
        return error;
      }
    });

    expect(refusal).toMatchObject({ reason: 'Forbidden', message: expect.stringContaining('belongs to website "home"') });
  });
});
