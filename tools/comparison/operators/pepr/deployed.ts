// What `pepr deploy` gives a module in a cluster: its namespace, the kind that it keeps things in, and certificates. Then the module as a program.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CustomResourceDefinition } from '@keelson/api/apiextensions/v1';
import { Namespace } from '@keelson/api/core/v1';
import { SystemClock } from '@keelson/base';
import { createClient, httpsTransport, loadKubeconfig } from '@keelson/client';
import { createAuthority } from '@keelson/pki';

const STORES = { plural: 'peprstores', singular: 'peprstore', kind: 'PeprStore', listKind: 'PeprStoreList' };
const SCHEMA = {
  type: 'object',
  properties: { data: { type: 'object', additionalProperties: { type: 'string' } } },
} as const;

/** Once for a cluster. */
export async function deploy(kubeconfig: string): Promise<void> {
  const client = createClient(httpsTransport(loadKubeconfig(kubeconfig)));
  const versions = [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: SCHEMA } }];
  const spec = { group: 'pepr.dev', scope: 'Namespaced', names: STORES, versions };
  await client.resource(Namespace).create({ metadata: { name: 'pepr-system' } });
  await client.resource(CustomResourceDefinition).create({ metadata: { name: 'peprstores.pepr.dev' }, spec });
  const clock = new SystemClock();
  const served = { group: 'pepr.dev', version: 'v1', resource: 'peprstores', kind: 'PeprStore', namespaced: true };
  while (
    !(await client
      .resource(served)
      .list()
      .catch(() => undefined))
  )
    await clock.sleep(20);
  await client.transport.close();
}

/** Starts the module; gives what ends it. */
export async function startModule(kubeconfig: string): Promise<() => Promise<void>> {
  const directory = await mkdtemp(join(tmpdir(), 'pepr-'));
  const authority = await createAuthority({ commonName: 'pepr' });
  const { certificate, privateKey } = await authority.issue({ commonName: 'pepr', usages: ['server'] });
  const [cert, key] = [join(directory, 'tls.crt'), join(directory, 'tls.key')];
  await writeFile(cert, certificate);
  await writeFile(key, privateKey);
  const env = { PEPR_WATCH_MODE: 'true', SSL_CERT_PATH: cert, SSL_KEY_PATH: key, LOG_LEVEL: 'silent', PORT: '0' };
  const child = spawn(process.execPath, [join(import.meta.dirname, 'main.ts')], {
    env: { ...process.env, ...env, KUBECONFIG: kubeconfig },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  return async () => {
    const ended = once(child, 'exit');
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL');
      await ended;
    }
    await rm(directory, { recursive: true });
  };
}
