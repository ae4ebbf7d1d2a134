import { X509Certificate } from 'node:crypto';
import { request } from 'node:https';
import { connect } from 'node:tls';
import { applyJsonPatch, type KubernetesObject } from '@keelson/api';
import { MutatingWebhookConfiguration, ValidatingWebhookConfiguration } from '@keelson/api/admissionregistration/v1';
import { ConfigMap, Secret } from '@keelson/api/core/v1';
import { KeelsonError, silentLogger } from '@keelson/base';
import { ManualClock } from '@keelson/base/testing';
import { createClient, type Client } from '@keelson/client';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MemoryApi } from '../testing/memory-api.ts';
import { mutating, validating } from './admission.ts';
import { defineConversion } from './conversion.ts';
import { WebhookServer } from './webhook-server.ts';

const DAY_MS = 86_400_000;
const SECRET = { name: 'webhook-certificates', namespace: 'default' };

interface Old extends KubernetesObject {
  readonly size?: string;
}
interface New extends KubernetesObject {
  readonly bytes?: number;
}

const conversion = defineConversion<New>({
  group: 'example.com',
  kind: 'Disk',
  resource: 'disks',
  hub: 'v1',
  spokes: {
    v1beta1: {
      toHub: ({ size, ...rest }: Old): New => ({ ...rest, bytes: Number(size) }),
      fromHub: ({ bytes, ...rest }: New): Old => ({ ...rest, size: `${bytes}` }),
    },
  },
});

const defaults = mutating(ConfigMap, (map, { warn }) => {
  map.data = { mode: 'fast', ...map.data };
  if (map.data['mode'] === 'slow') warn('slow is slow');
});

const rules = validating(ConfigMap, ({ object, oldObject, audit }) => {
  audit('seen', object?.metadata?.name ?? '');
  if (object?.data?.['mode'] === 'none') throw new KeelsonError('Forbidden', 'mode "none" is not allowed');
  if (oldObject && oldObject.data?.['mode'] !== object?.data?.['mode']) throw new KeelsonError('Invalid', 'mode cannot change');
});

let api: MemoryApi;
let client: Client;
let clock: ManualClock;
let server: WebhookServer;

async function start(): Promise<WebhookServer> {
  const made = new WebhookServer(
    { client, clock, logger: silentLogger },
    {
      name: 'test',
      port: 0,
      host: '127.0.0.1',
      admission: [defaults, rules],
      conversions: [],
      certificates: { secret: SECRET, hosts: ['127.0.0.1', 'localhost'] },
    },
  );
  await made.start(new AbortController().signal);
  return made;
}

beforeEach(async () => {
  api = new MemoryApi();
  client = createClient(api);
  clock = new ManualClock(Date.now());
  server = await start();
});

afterEach(() => server.stop());

async function bundle(): Promise<string> {
  const secret = await client.resource(Secret).get(SECRET);
  return Buffer.from(secret.data?.['ca.crt'] ?? '', 'base64').toString();
}

async function post(path: string, body: unknown): Promise<{ readonly status: number; readonly body: never }> {
  const ca = await bundle();
  return new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port: server.port, path, method: 'POST', ca }, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => (text += chunk.toString()));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: JSON.parse(text) as never }));
    });
    sent.on('error', reject);
    sent.end(typeof body === 'string' ? body : JSON.stringify(body));
  });
}

const review = (object: ConfigMap, oldObject?: ConfigMap): unknown => ({
  apiVersion: 'admission.k8s.io/v1',
  kind: 'AdmissionReview',
  request: { uid: 'u1', operation: oldObject ? 'UPDATE' : 'CREATE', object, oldObject, dryRun: false },
});

describe('WebhookServer', () => {
  it('changes what it is asked about, as a patch, and warns', async () => {
    const object: ConfigMap = { metadata: { name: 'a' }, data: { other: '1' } };

    const { body } = await post('/mutate--v1-configmap', review(object));
    const slow = await post('/mutate--v1-configmap', review({ data: { mode: 'slow' } }));

    const { patch, ...response } = (body as { response: { patch: string } }).response;
    expect(response).toEqual({ uid: 'u1', allowed: true, patchType: 'JSONPatch' });
    expect(applyJsonPatch(object, JSON.parse(atob(patch)))).toMatchObject({ data: { other: '1', mode: 'fast' } });
    expect(slow.body).toMatchObject({ response: { allowed: true, warnings: ['slow is slow'] } });
  });

  it.each([
    { title: 'lets pass what is right', object: { data: { mode: 'fast' } }, response: { allowed: true } },
    {
      title: 'refuses with reason and code',
      object: { data: { mode: 'none' } },
      response: { allowed: false, status: { code: 403, reason: 'Forbidden', message: 'mode "none" is not allowed' } },
    },
    {
      title: 'sees the old object',
      object: { data: { mode: 'fast' } },
      oldObject: { data: { mode: 'slow' } },
      response: { allowed: false, status: { code: 422, reason: 'Invalid' } },
    },
  ])('$title', async ({ object, oldObject, response }) => {
    const { body } = await post('/validate--v1-configmap', review(object, oldObject));

    expect(body).toMatchObject({ response: { uid: 'u1', auditAnnotations: { seen: '' }, ...response } });
  });

  it.each([
    { title: 'no JSON', path: '/validate--v1-configmap', body: '{', status: 400 },
    { title: 'no review', path: '/validate--v1-configmap', body: {}, status: 400 },
    {
      title: 'a review of another version',
      path: '/validate--v1-configmap',
      body: { apiVersion: 'admission.k8s.io/v1beta1' },
      status: 400,
    },
    { title: 'another path', path: '/other', body: {}, status: 404 },
  ])('answers $status to $title', async ({ path, body, status }) => {
    expect((await post(path, body)).status).toBe(status);
  });

  it('registers itself, and says the same again without a change', async () => {
    const mutatingBefore = await client.resource(MutatingWebhookConfiguration).get({ name: 'test' });
    const second = await start();
    await second.stop();

    const validatingNow = await client.resource(ValidatingWebhookConfiguration).get({ name: 'test' });
    const [hook] = validatingNow.webhooks ?? [];
    expect(mutatingBefore.webhooks?.map(({ name }) => name)).toEqual(['mutating.configmaps.core']);
    expect(hook).toMatchObject({ sideEffects: 'None', rules: [{ resources: ['configmaps'], operations: ['CREATE', 'UPDATE'] }] });
    expect(Buffer.from(hook?.clientConfig?.caBundle ?? '', 'base64').toString()).toBe(await bundle());
  });
});

describe('the certificates of a WebhookServer', () => {
  const served = (): Promise<X509Certificate> =>
    new Promise((resolve, reject) => {
      const socket = connect({ host: '127.0.0.1', port: server.port, rejectUnauthorized: false }, () => {
        const { raw } = socket.getPeerCertificate();
        socket.destroy();
        resolve(new X509Certificate(raw));
      });
      socket.on('error', reject);
    });

  it('are renewed when two thirds of their life are over, under the same authority', async () => {
    const before = await served();
    const trusted = await bundle();
    clock.step(59 * DAY_MS);
    await clock.advance(11 * 60_000);
    const early = await served();
    clock.step(2 * DAY_MS);
    const next = (): Promise<string> => clock.advance(11 * 60_000).then(async () => (await served()).serialNumber);
    await expect.poll(next).not.toBe(before.serialNumber);

    expect(early.serialNumber).toBe(before.serialNumber);
    expect(await bundle()).toBe(trusted);
  });

  it('of a new authority are served only once everybody trusts it', async () => {
    const before = await bundle();
    const steps: string[] = [];
    api.intercept = async ({ method, body }) => {
      const { kind, data } = (body ?? {}) as { readonly kind?: string; readonly data?: Record<string, string> };
      if (method !== 'PUT' || kind !== 'Secret') return;
      const text = (key: string): string => Buffer.from(data?.[key] ?? '', 'base64').toString();
      const authorities = text('ca.crt').split('BEGIN CERTIFICATE').length - 1;
      const newest = new X509Certificate(text('ca.crt'));
      steps.push(
        `${authorities} trusted, signed by the ${new X509Certificate(text('tls.crt')).verify(newest.publicKey) ? 'new' : 'old'}`,
      );
    };
    for (let renewal = 1; renewal <= 3; renewal += 1) {
      clock.step(62 * DAY_MS);
      await expect.poll(() => clock.advance(11 * 60_000).then(() => steps.length)).toBe(renewal);
    }
    clock.step(62 * DAY_MS);
    await expect.poll(() => clock.advance(11 * 60_000).then(() => steps.at(-1))).toBe('2 trusted, signed by the new');

    const change = steps.indexOf('2 trusted, signed by the old');
    expect(change).toBeGreaterThan(-1);
    expect(steps[change + 1]).toBe('2 trusted, signed by the new');
    expect((await bundle()).endsWith(before)).toBe(true);
  });

  it('are those of the other replicas', async () => {
    const first = await served();
    const other = await start();
    const port = other.port;
    await other.stop();

    expect(port).not.toBe(server.port);
    expect((await client.resource(Secret).get(SECRET)).data?.['tls.crt']).toBeDefined();
    expect((await served()).serialNumber).toBe(first.serialNumber);
  });

  it('are made anew if somebody has spoilt the Secret', async () => {
    const before = await served();
    await client.resource(Secret).patch(SECRET, 'merge', { data: { 'ca.key': 'AAAA' } });

    const next = (): Promise<string> => clock.advance(11 * 60_000).then(async () => (await served()).serialNumber);
    await expect.poll(next).not.toBe(before.serialNumber);
  });
});

describe('defineConversion', () => {
  const old = { apiVersion: 'example.com/v1beta1', kind: 'Disk', metadata: { name: 'a', labels: { x: '1' } }, size: '5' };
  const converting = (objects: unknown[], desiredAPIVersion: string) =>
    conversion.review({
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'ConversionReview',
      request: { uid: 'u', desiredAPIVersion, objects: objects as never },
    });

  it('goes by way of the hub, and back without loss', () => {
    const hub = conversion.convert(old, 'v1');

    expect(hub).toEqual({ ...old, apiVersion: 'example.com/v1', size: undefined, bytes: 5 });
    expect(conversion.convert(hub, 'v1beta1')).toEqual(old);
    expect(conversion.convert(hub, 'v1')).toBe(hub);
  });

  it('answers reviews, and says what it cannot convert', async () => {
    expect(await converting([old, old], 'example.com/v1')).toMatchObject({
      response: { uid: 'u', result: { status: 'Success' }, convertedObjects: [{ bytes: 5 }, { bytes: 5 }] },
    });
    expect(await converting([old], 'example.com/v7')).toMatchObject({
      response: { result: { status: 'Failure', message: expect.stringContaining('"v7" is not known') }, convertedObjects: [] },
    });
  });
});
