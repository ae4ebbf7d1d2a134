import { createClient, defaultConfig, httpsTransport, loadKubeconfig, type Client } from '@keelson/client';

/** Talks to the cluster of a kubeconfig; without one, to that which kubectl would take. */
export async function withCluster<T>(kubeconfig: string | undefined, use: (client: Client) => Promise<T>): Promise<T> {
  const transport = httpsTransport(kubeconfig === undefined ? defaultConfig() : loadKubeconfig(kubeconfig));
  try {
    return await use(createClient(transport));
  } finally {
    await transport.close();
  }
}
