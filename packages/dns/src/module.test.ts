import 'reflect-metadata';
import { CLOCK, LOGGER, silentLogger } from '@keelson/base';
import { ManualClock } from '@keelson/base/testing';
import { CLIENT, createClient, type Transport } from '@keelson/client';
import { controllerRuntimeModule } from '@keelson/controller-runtime/module';
import { Container } from 'inversify';
import { describe, expect, it } from 'vitest';
import { dnsModule } from './module.ts';
import { DNS_SERVER } from './tokens.ts';

describe('dnsModule', () => {
  it('wires a server', () => {
    const container = new Container();
    container.bind(CLOCK).toConstantValue(new ManualClock());
    container.bind(LOGGER).toConstantValue(silentLogger);
    // Nothing is started, so nothing is sent.
    container.bind(CLIENT).toConstantValue(createClient({} as Transport));
    container.load(controllerRuntimeModule(), dnsModule({ port: 5_353 }));

    expect(container.get(DNS_SERVER).port).toBe(5_353);
  });
});
