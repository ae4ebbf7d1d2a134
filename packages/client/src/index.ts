export type {
  Client,
  DeleteOptions,
  ListOptions,
  ObjectList,
  ObjectName,
  PatchType,
  ResourceClient,
  SubresourceCall,
  WatchOptions,
  WriteOptions,
} from './client.ts';
export { createClient } from './create-client.ts';
export { httpsTransport, type HttpsTransportOptions } from './https-transport.ts';
export {
  defaultConfig,
  inClusterConfig,
  kubeconfigOf,
  loadKubeconfig,
  parseKubeconfig,
  type ClusterConfig,
} from './kubeconfig.ts';
export { CLIENT } from './tokens.ts';
export type { ApiCall, ApiResponse, HttpMethod, Transport, Upgraded, WatchEvent } from './transport.ts';
