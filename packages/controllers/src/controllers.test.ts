import { eventually } from '@keelson/base/testing';
import 'reflect-metadata';
import { startTestApiServer, type TestApiServer } from '@keelson/api-server/testing';
import { Event, ServiceAccount } from '@keelson/api/core/v1';
import { CLOCK, LOGGER, silentLogger, SystemClock } from '@keelson/base';
import { CLIENT, createClient } from '@keelson/client';
import { INFORMERS } from '@keelson/controller-runtime';
import { controllerRuntimeModule } from '@keelson/controller-runtime/module';
import { Container } from 'inversify';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ControllerFactory } from './controller-context.ts';
import type { ControllersOptions } from './controllers.ts';
import { controllersModule } from './module.ts';
import { CONTROLLER_CLIENT, CONTROLLER_FACTORY, CONTROLLERS } from './tokens.ts';

const ACCOUNTS = 'serviceaccount-controller';

describe('controllersModule', () => {
  let api: TestApiServer;
  let container: Container;

  beforeEach(async () => {
    api = await startTestApiServer({ serviceAccounts: false });
  });

  afterEach(() => api.close());

  function load(options: ControllersOptions = {}): Container {
    container = new Container();
    container.bind(CLIENT).toConstantValue(createClient(api.transport));
    container.bind(CLOCK).toConstantValue(new SystemClock());
    container.bind(LOGGER).toConstantValue(silentLogger);
    container.load(controllerRuntimeModule(), controllersModule({ rootCa: 'PEM', ...options }));
    return container;
  }

  const idle =
    (log: string[]): ControllerFactory =>
    () => ({ name: 'idle', start: async () => void log.push('start'), stop: async () => void log.push('stop') });

  it('runs all built-in controllers', async () => {
    const controllers = load().get(CONTROLLERS);
    const informers = container.get(INFORMERS);
    const { signal } = new AbortController();

    await informers.start(signal);
    await controllers.start(signal);

    await eventually(() => createClient(api.transport).resource(ServiceAccount).find({ name: 'default', namespace: 'default' }));
    await controllers.stop();
    await informers.stop();
    expect(controllers.names).toContain('garbage-collector-controller');
  });

  it.each([
    { title: 'only those named', enabled: [ACCOUNTS], want: [ACCOUNTS] },
    { title: 'none', enabled: [], want: [] },
  ])('runs $title', ({ enabled, want }) => {
    expect(load({ enabled }).get(CONTROLLERS).names).toEqual(want);
  });

  it('runs all but those that are excluded', () => {
    const { names } = load({ enabled: ['*', `-${ACCOUNTS}`] }).get(CONTROLLERS);

    expect(names).not.toContain(ACCOUNTS);
    expect(names).toContain('namespace-controller');
  });

  it('swaps, adds and leaves out a controller with one binding each', async () => {
    const log: string[] = [];
    load({ enabled: [ACCOUNTS, 'mine', 'namespace-controller'] });
    container.bind(CONTROLLER_FACTORY).toConstantValue({ name: ACCOUNTS, create: idle(log) });
    container.bind(CONTROLLER_FACTORY).toConstantValue({ name: 'mine', create: idle(log) });
    container.bind(CONTROLLER_FACTORY).toConstantValue({ name: 'namespace-controller', create: undefined });

    const controllers = container.get(CONTROLLERS);
    await controllers.start(new AbortController().signal);
    await controllers.stop();

    expect(controllers.names).toEqual(['mine', ACCOUNTS]);
    expect(log).toEqual(['start', 'start', 'stop', 'stop']);
  });

  it('gives each controller the client that is bound for it', async () => {
    const asked: string[] = [];
    load({ enabled: ['mine'] });
    container.bind(CONTROLLER_FACTORY).toConstantValue({ name: 'mine', create: idle([]) });
    container.bind(CONTROLLER_CLIENT).toConstantValue((name) => {
      asked.push(name);
      return createClient(api.transport);
    });

    await container.get(CONTROLLERS).start(new AbortController().signal);

    expect(asked).toEqual(['mine']);
  });

  it.each([
    { name: 'horizontal-pod-autoscaler-controller', source: 'horizontal-pod-autoscaler' },
    { name: 'deployment-controller', source: 'deployment-controller' },
  ])('records events of $name as $source does upstream', async ({ name, source }) => {
    load({ enabled: [name] });
    const recording: ControllerFactory = ({ events }) => ({
      name,
      start: async () => events.event({ kind: 'Node', apiVersion: 'v1', metadata: { name: 'n' } }, 'Normal', 'Said', 'something'),
      stop: async () => undefined,
    });
    container.bind(CONTROLLER_FACTORY).toConstantValue({ name, create: recording });
    const controllers = container.get(CONTROLLERS);

    await controllers.start(new AbortController().signal);
    await controllers.stop();

    const { items } = await createClient(api.transport).resource(Event).list();
    expect(items.map((event) => event.source?.component)).toEqual([source]);
  });

  it('stops all if one does not start', async () => {
    const log: string[] = [];
    load({ enabled: ['mine', 'broken'] });
    container.bind(CONTROLLER_FACTORY).toConstantValue({ name: 'mine', create: idle(log) });
    const broken: ControllerFactory = () => ({
      name: 'b',
      start: () => Promise.reject(new Error('no')),
      stop: async () => undefined,
    });
    container.bind(CONTROLLER_FACTORY).toConstantValue({ name: 'broken', create: broken });

    await expect(container.get(CONTROLLERS).start(new AbortController().signal)).rejects.toThrow('no');

    expect(log).toEqual(['start', 'stop']);
  });
});
