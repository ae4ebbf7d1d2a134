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
export { failoverTransport } from './failover-transport.ts';
export { httpsTransport, type HttpsTransportOptions } from './https-transport.ts';
export {
  defaultConfig,
  inClusterConfig,
  kubeconfigOf,
  loadKubeconfig,
  parseKubeconfig,
  type ClusterConfig,
} from './kubeconfig.ts';
export { attach, exec, type AttachOptions, type ExecOptions } from './pods/exec.ts';
export { logs, type LogOptions, type LogStream } from './pods/logs.ts';
export type { Api, ContainerName, PodName } from './pods/pod-call.ts';
export { portForward, type ListenOptions, type PortForward, type PortForwardOptions } from './pods/port-forward.ts';
export { CLIENT } from './tokens.ts';
export type { ApiCall, ApiResponse, HttpMethod, Transport, Upgraded, WatchEvent } from './transport.ts';
