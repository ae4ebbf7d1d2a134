import { ensureCredentials, type ServerCredentials } from '@keelson/api-server';
import type { Clock } from '@keelson/base';
import type { KeyedCertificate } from '@keelson/pki';

export interface ClusterCredentials extends ServerCredentials {
  /** By which kubelets know the API server. */
  readonly kubeletClient: KeyedCertificate;
  /** What kubelets of this process serve with. */
  readonly kubeletServing: KeyedCertificate;
}

/** Loads what is in `directory` and makes what is missing. What only this process shows to itself is made anew at each start. */
export async function loadCredentials(directory: string, hosts: readonly string[], clock: Clock): Promise<ClusterCredentials> {
  const credentials = await ensureCredentials({ directory, hosts, now: () => clock.now() });
  const { authority } = credentials;
  const ipAddresses = hosts.filter((host) => /^[\d.]+$|:/.test(host));
  const [kubeletClient, kubeletServing] = await Promise.all([
    authority.issue({ commonName: 'kube-apiserver-kubelet-client', organizations: ['system:masters'], usages: ['client'] }),
    authority.issue({ commonName: 'system:node', organizations: ['system:nodes'], ipAddresses, usages: ['server'] }),
  ]);
  return { ...credentials, kubeletClient, kubeletServing };
}
