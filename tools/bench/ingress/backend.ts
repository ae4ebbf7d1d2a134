import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tellAs } from './part.ts';

const BODY = 'x'.repeat(1_024);
const server = createServer((_request, response) => response.setHeader('content-type', 'text/plain').end(BODY));
server.listen(0, '127.0.0.1');
await once(server, 'listening');
tellAs((server.address() as AddressInfo).port);
