import { eventually } from '@keelson/base/testing';
import { ManualClock } from '@keelson/base/testing';
import { Counter, Registry } from 'prom-client';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { StatusServer } from './status-server.ts';

describe('StatusServer', () => {
  const metrics = new Registry();
  new Counter({ name: 'things_total', help: 'Things', registers: [metrics] }).inc(3);
  let server: StatusServer;
  let failure: string | undefined;
  let hang: boolean;
  let checks: number;
  let clock: ManualClock;

  beforeEach(async () => {
    failure = undefined;
    [hang, checks, clock] = [false, 0, new ManualClock()];
    const cache = (): void | Promise<void> => {
      checks += 1;
      if (hang) return new Promise(() => undefined);
      if (failure !== undefined) throw new Error(failure);
      return undefined;
    };
    server = new StatusServer({
      port: 0,
      host: '127.0.0.1',
      metrics,
      liveness: { ping: () => undefined },
      readiness: { cache, other: async () => undefined },
      clock,
    });
    await server.start(new AbortController().signal);
  });
  afterEach(() => server.stop());

  async function get(path: string, method = 'GET'): Promise<readonly [number, string]> {
    const response = await fetch(`http://127.0.0.1:${server.port}${path}`, { method });
    return [response.status, await response.text()];
  }

  it('says how the process is doing', async () => {
    expect(await get('/healthz')).toEqual([200, 'ok']);
    expect(await get('/readyz')).toEqual([200, 'ok']);
    expect((await get('/metrics'))[1]).toContain('things_total 3');
  });

  it('says which check has failed, and why', async () => {
    failure = 'not synced: pods';

    expect(await get('/readyz')).toEqual([500, '[-]cache failed: not synced: pods\n[+]other ok\n']);
    expect(await get('/readyz/other')).toEqual([200, 'ok']);
    expect(await get('/healthz')).toEqual([200, 'ok']);
  });

  it('gives up a check that takes too long', async () => {
    hang = true;
    const asked = get('/readyz');
    await eventually(() => checks > 0);

    await clock.advance(5_000);

    expect(await asked).toEqual([500, '[-]cache failed: it took longer than 5000 ms\n[+]other ok\n']);
  });

  it.each([
    { path: '/nothing', method: 'GET', status: 404 },
    { path: '/readyz/nothing', method: 'GET', status: 404 },
    { path: '/healthz', method: 'POST', status: 405 },
  ])('answers $status to $method $path', async ({ path, method, status }) => {
    expect((await get(path, method))[0]).toBe(status);
  });
});
