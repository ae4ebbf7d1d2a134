import { ensureCertificate, ensureCredentials, namesOf, type ServerCredentials } from '@keelson/api-server';
import type { Clock } from '@keelson/base';
import type { KeyedCertificate } from '@keelson/pki';

export interface ClusterCredentials extends ServerCredentials {
  /** By which kubelets know the API server. */
  readonly kubeletClient: KeyedCertificate;
  /** What kubelets of this process serve with. */
  readonly kubeletServing: KeyedCertificate;
}

/** The user that the API server is to kubelets. */
export const KUBELET_CLIENT = 'kube-apiserver-kubelet-client';

/** Loads what is in `directory` and makes what is missing, which takes much longer. */
export async function loadCredentials(directory: string, hosts: readonly string[], clock: Clock): Promise<ClusterCredentials> {
  const now = (): number => clock.now();
  const credentials = await ensureCredentials({ directory, hosts, now });
  const keep = { directory, authority: credentials.authority, now };
  const [kubeletClient, kubeletServing] = await Promise.all([
    ensureCertificate(keep, 'apiserver-kubelet-client', {
      commonName: KUBELET_CLIENT,
      usages: ['client'],
    }),
    ensureCertificate(keep, 'kubelet', {
      commonName: 'system:node',
      organizations: ['system:nodes'],
      ...namesOf(hosts),
      usages: ['server'],
    }),
  ]);
  return { ...credentials, kubeletClient, kubeletServing };
}
