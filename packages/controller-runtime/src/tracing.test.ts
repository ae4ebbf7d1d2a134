import { ConfigMap, Secret } from '@keelson/api/core/v1';
import { KeelsonError, silentLogger, type Runnable } from '@keelson/base';
import { ManualClock } from '@keelson/base/testing';
import { createClient } from '@keelson/client';
import { context, SpanStatusCode, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { defineController, type ControllerDefinition } from './define-controller.ts';
import { InformerFactory } from './informer-factory.ts';
import { MemoryApi } from './testing/memory-api.ts';

const at = { name: 'a', namespace: 'default' };

const exporter = new InMemorySpanExporter();
let api: MemoryApi;
let clock: ManualClock;
let informers: InformerFactory;
let controller: Runnable;

beforeEach(() => {
  exporter.reset();
  api = new MemoryApi();
  clock = new ManualClock();
  informers = new InformerFactory({ client: createClient(api), clock, logger: silentLogger });
});
afterEach(async () => {
  await controller.stop();
  await informers.stop();
});

async function reconcileOne(reconcile: ControllerDefinition<ConfigMap>['reconcile']): Promise<void> {
  const events = { event: () => undefined };
  const world = { client: createClient(api), informers, events, clock, logger: silentLogger };
  controller = defineController({ name: 'keys', for: ConfigMap, owns: [Secret], reconcile }, world);
  await informers.start(new AbortController().signal);
  await controller.start(new AbortController().signal);
  await world.client.resource(ConfigMap).create({ metadata: at });
  await clock.advance(1);
}

it('a controller goes without traces where nobody wants them', async () => {
  await reconcileOne(async (_, { client }) => void (await client.resource(Secret).create({ metadata: at })));

  expect(api.objects.has('/api/v1/namespaces/default/secrets/a')).toBe(true);
  expect(exporter.getFinishedSpans()).toEqual([]);
});

describe('a program with an OpenTelemetry SDK', () => {
  beforeAll(() => {
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }));
  });
  afterAll(() => {
    trace.disable();
    context.disable();
  });

  it('shows a reconciliation with the calls that it makes', async () => {
    await reconcileOne(async (_, { client }) => void (await client.resource(Secret).create({ metadata: at })));
    const [call, reconciliation] = exporter.getFinishedSpans();

    expect(reconciliation).toMatchObject({
      name: 'reconcile keys',
      attributes: {
        'keelson.controller': 'keys',
        'k8s.namespace.name': 'default',
        'k8s.object.name': 'a',
        'keelson.reconcile.result': 'success',
      },
    });
    expect(call).toMatchObject({
      name: 'POST /api/v1/namespaces/default/secrets',
      attributes: { 'http.response.status_code': 200 },
    });
    expect(call?.parentSpanContext?.spanId).toBe(reconciliation?.spanContext().spanId);
  });

  it('shows what has failed', async () => {
    api.intercept = ({ method }) => {
      if (method === 'PATCH') throw new KeelsonError('Forbidden', 'not you');
    };
    await reconcileOne(async (_, { client }) => void (await client.resource(Secret).patch(at, 'merge', {})));
    const [call, reconciliation] = exporter.getFinishedSpans();

    expect(call).toMatchObject({
      status: { code: SpanStatusCode.ERROR, message: 'not you' },
      attributes: { 'error.type': 'Forbidden' },
    });
    expect(reconciliation).toMatchObject({
      status: { code: SpanStatusCode.ERROR, message: 'not you' },
      attributes: { 'keelson.reconcile.result': 'error' },
    });
  });
});
