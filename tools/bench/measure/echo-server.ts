// A Node HTTPS server that does nothing but answer, as the measure of what Node itself costs on a machine. Prints one line of JSON
// once it serves: `{"server": "https://…", "ca": "…"}`. Runs until its standard input ends.
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { createAuthority } from '@keelson/pki';

const body = Buffer.alloc(7 * 1024, 'x');
const headers = { 'content-type': 'application/json', 'content-length': body.length };
const authority = await createAuthority({ commonName: 'echo-ca' });
const { certificate, privateKey } = await authority.issue({ commonName: 'echo', ipAddresses: ['127.0.0.1'], usages: ['server'] });
const server = createServer({ cert: certificate, key: privateKey }, (_request, response) => {
  response.writeHead(200, headers).end(body);
});
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo;
  process.stdout.write(`${JSON.stringify({ server: `https://127.0.0.1:${port}`, ca: authority.certificate })}\n`);
});
process.stdin.resume().on('end', () => process.exit());
