import { HttpFrontend, type ApiServer } from '@keelson/api-server';
import { kubeconfigOf } from '@keelson/client';
import { createAuthority } from '@keelson/pki';

/** An API server on a TLS socket of 127.0.0.1, and the kubeconfig of an administrator for it. */
export interface Https {
  readonly frontend: HttpFrontend;
  readonly kubeconfig: () => string;
}

export async function https(server: ApiServer): Promise<Https> {
  const authority = await createAuthority({ commonName: 'test-ca' });
  const [serving, admin] = await Promise.all([
    authority.issue({ commonName: 'test', ipAddresses: ['127.0.0.1'], usages: ['server'] }),
    authority.issue({ commonName: 'test-admin', organizations: ['system:masters'], usages: ['client'] }),
  ]);
  const { certificate, privateKey: key } = serving;
  const frontend = new HttpFrontend(server, {
    host: '127.0.0.1',
    port: 0,
    tls: { certificate, key, clientAuthorities: [authority.certificate] },
  });
  return {
    frontend,
    kubeconfig: () => kubeconfigOf('test', { server: frontend.url, ca: authority.certificate, ...admin }),
  };
}
