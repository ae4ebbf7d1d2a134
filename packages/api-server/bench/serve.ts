import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { SystemClock, jsonLogger } from '@keelson/base';
import { createAuthority } from '@keelson/pki';
import { LmdbStore, MemoryStore } from '@keelson/store';
import { StaticTokenAuthenticator } from '../src/auth/authenticators.ts';
import { HttpFrontend } from '../src/http/http-frontend.ts';
import { startTestApiServer } from '../src/testing.ts';

/** An API server by itself, for load tools: `serve.ts --kubeconfig FILE [--data DIR] [--port N]`. */
const { values } = parseArgs({
  options: { kubeconfig: { type: 'string' }, data: { type: 'string' }, port: { type: 'string', default: '0' } },
});
const clock = new SystemClock();
const logger = jsonLogger((line) => process.stderr.write(line));
const store = values.data === undefined ? new MemoryStore() : await LmdbStore.open({ path: values.data });
const token = 'bench-token';
const authority = await createAuthority({ commonName: 'bench-ca' });
const serving = await authority.issue({
  commonName: 'bench',
  dnsNames: ['localhost'],
  ipAddresses: ['127.0.0.1'],
  usages: ['server'],
});
const user = { name: 'bench', groups: ['system:masters'] };
const api = await startTestApiServer({
  store,
  clock,
  logger,
  authenticators: [new StaticTokenAuthenticator(new Map([[token, user]]))],
});
const frontend = new HttpFrontend(api.server, {
  port: Number(values.port),
  tls: { certificate: serving.certificate, key: serving.privateKey, clientAuthorities: [authority.certificate] },
  maxReads: 2_000,
  maxWrites: 1_000,
});
await frontend.start(new AbortController().signal);
if (values.kubeconfig !== undefined) await writeFile(values.kubeconfig, kubeconfig(frontend.url));
process.stdout.write(`ready ${frontend.url}\n`);
process.once('SIGTERM', () => {
  void frontend.stop().then(() => api.close());
});

function kubeconfig(server: string): string {
  const ca = Buffer.from(authority.certificate).toString('base64');
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'bench',
    clusters: [{ name: 'bench', cluster: { server, 'certificate-authority-data': ca } }],
    users: [{ name: 'bench', user: { token } }],
    contexts: [{ name: 'bench', context: { cluster: 'bench', user: 'bench' } }],
  });
}
