import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { isReason, KeelsonError } from '@keelson/base';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { failoverTransport } from './failover-transport.ts';
import { httpsTransport } from './https-transport.ts';
import type { ApiCall, Transport } from './transport.ts';

/** An API server that says its name, or breaks connections off, or answers that it cannot. */
class Somebody {
  readonly seen: string[] = [];
  mode: 'well' | 'breaks off' | 'unwell' = 'well';
  #server: Server | undefined;
  #port = 0;

  async start(): Promise<void> {
    this.#server = createServer((request, response) => {
      this.seen.push(`${request.method} ${request.url}`);
      if (this.mode === 'breaks off') return void request.socket.destroy();
      const isWell = this.mode === 'well';
      response.writeHead(isWell ? 200 : 503, { 'content-type': 'application/json' });
      response.end(JSON.stringify(isWell ? { port: this.#port } : { kind: 'Status', reason: 'ServiceUnavailable', code: 503 }));
    }).listen(this.#port, '127.0.0.1');
    await once(this.#server, 'listening');
    ({ port: this.#port } = this.#server.address() as AddressInfo);
  }

  async stop(): Promise<void> {
    const server = this.#server;
    if (!server?.listening) return;
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  }

  get transport(): Transport {
    return httpsTransport({ server: `http://127.0.0.1:${this.#port}`, namespace: 'default' });
  }
}

describe('several API servers', () => {
  let one: Somebody;
  let other: Somebody;
  let both: Transport;

  beforeEach(async () => {
    [one, other] = [new Somebody(), new Somebody()];
    await Promise.all([one.start(), other.start()]);
    both = failoverTransport([one.transport, other.transport]);
  });
  afterEach(async () => {
    await both.close();
    await Promise.all([one.stop(), other.stop()]);
  });

  const call = (method: ApiCall['method'], path = '/x'): ApiCall => ({ method, path });

  it('are asked one at a time, the same as long as it answers', async () => {
    for (let i = 0; i < 3; i += 1) await both.request(call('GET'));

    expect([one.seen.length, other.seen.length]).toEqual([3, 0]);
  });

  it.each(['GET', 'POST', 'PATCH', 'DELETE'] as const)('take %s from each other where it has reached nobody', async (method) => {
    await one.stop();

    await both.request(call(method));
    await both.request(call(method));

    expect(other.seen).toEqual([`${method} /x`, `${method} /x`]);
  });

  it('are asked again for what only reads when a connection breaks off, and from then on the next one', async () => {
    one.mode = 'breaks off';

    await both.request(call('GET'));
    await both.request(call('POST'));

    expect([one.seen, other.seen]).toEqual([['GET /x'], ['GET /x', 'POST /x']]);
  });

  it('are not asked twice for what may have been done, but the next call goes to the next', async () => {
    one.mode = 'breaks off';

    await expect(both.request(call('POST'))).rejects.toThrow('cannot reach the server');
    await both.request(call('POST'));

    expect([one.seen, other.seen]).toEqual([['POST /x'], ['POST /x']]);
  });

  it('do not get what one of them refuses', async () => {
    const refusing: Transport = {
      ...one.transport,
      request: () => Promise.reject(new KeelsonError('Forbidden', 'no')),
      close: async () => undefined,
    };
    const pair = failoverTransport([refusing, other.transport]);

    await expect(pair.request(call('GET'))).rejects.toSatisfy((error) => isReason(error, 'Forbidden'));
    await pair.close();

    expect(other.seen).toEqual([]);
  });

  it('leave one that is unwell, and come back to it when the other is', async () => {
    one.mode = 'unwell';
    const answers = [await both.request(call('GET'))];
    [one.mode, other.mode] = ['well', 'unwell'];
    answers.push(await both.request(call('GET')));

    expect(answers.map(({ status }) => status)).toEqual([200, 200]);
    expect([one.seen.length, other.seen.length]).toEqual([2, 2]);
  });

  it('fail if all of them are away, and recover with the first that is back', async () => {
    await Promise.all([one.stop(), other.stop()]);
    await expect(both.request(call('GET'))).rejects.toSatisfy((error) => isReason(error, 'ServiceUnavailable'));

    await other.start();

    expect((await both.request(call('GET'))).status).toBe(200);
  });

  it('have a watch begin again at the next', async () => {
    await one.stop();
    const ended = () =>
      new Promise((resolve) => both.watch(call('GET', '/w')).subscribe({ error: resolve, complete: () => resolve('ended') }));

    const first = await ended();
    await ended();

    expect(isReason(first, 'ServiceUnavailable')).toBe(true);
    expect(other.seen).toEqual(['GET /w']);
  });
});
