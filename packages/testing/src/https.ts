import { HttpFrontend, type ApiServer, type TlsOptions } from '@keelson/api-server';
import { kubeconfigOf } from '@keelson/client';
import type { CertificateAuthority } from '@keelson/pki';

/** An API server on a TLS socket of 127.0.0.1, and the kubeconfig of an administrator for it. */
export interface Https {
  readonly frontend: HttpFrontend;
  readonly kubeconfig: string;
  /** Another server under the same address and keys; the front before it has stopped. */
  moveTo(server: ApiServer, signal: AbortSignal): Promise<Https>;
}

/** Resolves when it listens. */
export async function https(server: ApiServer, authority: CertificateAuthority, signal: AbortSignal): Promise<Https> {
  const [serving, admin] = await Promise.all([
    authority.issue({ commonName: 'test', ipAddresses: ['127.0.0.1'], usages: ['server'] }),
    authority.issue({ commonName: 'test-admin', organizations: ['system:masters'], usages: ['client'] }),
  ]);
  const tls = { certificate: serving.certificate, key: serving.privateKey, clientAuthorities: [authority.certificate] };
  const describe = (url: string): string => kubeconfigOf('test', { server: url, ca: authority.certificate, ...admin });
  return serve({ server, tls, port: 0, describe }, signal);
}

interface Serving {
  readonly server: ApiServer;
  readonly tls: TlsOptions;
  readonly port: number;
  readonly describe: (url: string) => string;
}

async function serve(serving: Serving, signal: AbortSignal): Promise<Https> {
  const { server, tls, port, describe } = serving;
  const frontend = new HttpFrontend(server, { host: '127.0.0.1', port, tls });
  await frontend.start(signal);
  // A front that has stopped does not know its address any more.
  const { url, port: taken } = frontend;
  return {
    frontend,
    kubeconfig: describe(url),
    moveTo: (next, until) => serve({ ...serving, server: next, port: taken }, until),
  };
}
