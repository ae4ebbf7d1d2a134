import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { webSocketKey, webSocketRequestHeaders } from '@keelson/streaming';
import { expect, it } from 'vitest';
import { pod, PODS } from '../test-support/api-probe.ts';
import { HttpsServer } from '../test-support/https-server.ts';

async function start(): Promise<HttpsServer> {
  const server = await HttpsServer.start({
    connectors: [
      {
        subresources: ['pods/log'],
        connect: async () => ({
          type: 'content',
          status: 200,
          contentType: 'text/plain',
          body: Readable.from([Buffer.from('one\n'), Buffer.from('two\n')]),
        }),
      },
    ],
  });
  await server.json(PODS, { method: 'POST', value: pod('web', {}) });
  return server;
}

it('sends a log over a WebSocket, a message for each part', async () => {
  await using server = await start();
  const headers = webSocketRequestHeaders(webSocketKey(), ['binary.k8s.io']);

  const asked = httpsRequest(`${server.frontend.url}${PODS}/web/log`, {
    rejectUnauthorized: false,
    headers: { authorization: 'Bearer test-token', ...headers },
  });
  asked.end();
  const [answer, socket, head] = (await once(asked, 'upgrade')) as [IncomingMessage, Readable, Buffer];
  const received = Buffer.concat([head, await buffer(socket)]);

  expect(answer.headers['sec-websocket-protocol']).toBe('binary.k8s.io');
  // Two binary frames of four bytes each, and one that closes.
  expect(received.subarray(0, 12).toString('latin1')).toBe('\x82\x04one\n\x82\x04two\n');
  expect(received[12]).toBe(0x88);
});

it('sends a log as ever to who wishes for another protocol', async () => {
  await using server = await start();

  const { status, body } = await server.send(`${PODS}/web/log`, { headers: { connection: 'Upgrade', upgrade: 'h2c' } });

  expect([status, body.toString()]).toEqual([200, 'one\ntwo\n']);
});
