import { Counter, Registry } from 'prom-client';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { StatusServer } from './status-server.ts';

describe('StatusServer', () => {
  const metrics = new Registry();
  new Counter({ name: 'things_total', help: 'Things', registers: [metrics] }).inc(3);
  let server: StatusServer;
  let failure: string | undefined;

  beforeEach(async () => {
    failure = undefined;
    const cache = (): void => {
      if (failure !== undefined) throw new Error(failure);
    };
    server = new StatusServer({
      port: 0,
      host: '127.0.0.1',
      metrics,
      liveness: { ping: () => undefined },
      readiness: { cache, other: async () => undefined },
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

  it.each([
    { path: '/nothing', method: 'GET', status: 404 },
    { path: '/readyz/nothing', method: 'GET', status: 404 },
    { path: '/healthz', method: 'POST', status: 405 },
  ])('answers $status to $method $path', async ({ path, method, status }) => {
    expect((await get(path, method))[0]).toBe(status);
  });
});
