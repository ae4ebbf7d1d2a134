// As little as one would write by hand: no routes, no checks, no time-outs, no log. Usage: smallest-proxy BACKEND-PORT
import { once } from 'node:events';
import { Agent, createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tellAs } from './part.ts';

const port = Number(process.argv[2]);
const agent = new Agent({ keepAlive: true });
const server = createServer((incoming, response) => {
  const { method, url: path, headers } = incoming;
  const outgoing = request({ agent, host: '127.0.0.1', port, method, path, headers }, (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(response);
  });
  outgoing.on('error', () => response.destroy());
  incoming.pipe(outgoing);
});
server.listen(0, '127.0.0.1');
await once(server, 'listening');
tellAs((server.address() as AddressInfo).port);
