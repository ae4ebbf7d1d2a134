import 'reflect-metadata';
import { CLOCK, LOGGER, silentLogger } from '@keelson/base';
import { ManualClock } from '@keelson/base/testing';
import { CLIENT, createClient, type Transport } from '@keelson/client';
import { controllerRuntimeModule } from '@keelson/controller-runtime/module';
import { Container } from 'inversify';
import { describe, expect, it } from 'vitest';
import { PROXY_MODES } from './modes.ts';
import { proxyModule } from './module.ts';
import { PROXY_MODE, SERVICE_PROXY } from './tokens.ts';

describe('proxyModule', () => {
  it.each(PROXY_MODES)('wires a proxy in %s mode', (mode) => {
    const container = new Container();
    container.bind(CLOCK).toConstantValue(new ManualClock());
    container.bind(LOGGER).toConstantValue(silentLogger);
    // Nothing is started, so nothing is sent.
    container.bind(CLIENT).toConstantValue(createClient({} as Transport));
    container.load(controllerRuntimeModule(), proxyModule({ mode, nodeName: 'node-1' }));

    expect(container.get(PROXY_MODE).name).toBe(mode);
    expect(container.get(SERVICE_PROXY).name).toBe('service-proxy');
  });
});
