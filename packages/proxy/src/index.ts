export { runCommand, type Command, type CommandResult, type CommandRunner } from './command-runner.ts';
export { detectProxyMode, type DetectedMode, type DetectOptions } from './detect-proxy-mode.ts';
export { endpointText, type ProxyEndpoint, type TrafficPolicy, type Viewpoint } from './endpoints.ts';
export { IptablesMode, type IptablesModeDependencies, type IptablesModeOptions } from './iptables/iptables-mode.ts';
export {
  createOnlyMode,
  createProxyMode,
  PROXY_MODES,
  type ModeDependencies,
  type ModeOptions,
  type ProxyModeName,
} from './modes.ts';
export { NftablesMode, type NftablesModeDependencies, type NftablesModeOptions } from './nftables/nftables-mode.ts';
export { OnlyMode } from './only-mode.ts';
export {
  IPVS_SCHEDULERS,
  IpvsMode,
  ipvsObstacle,
  type IpvsModeDependencies,
  type IpvsModeOptions,
  type IpvsScheduler,
} from './ipvs/ipvs-mode.ts';
export type { ProxyMode, SyncOptions, SyncProblem, SyncReport } from './proxy-mode.ts';
export { ServiceProxy, type ServiceProxyDependencies, type ServiceProxyOptions } from './proxy.ts';
export {
  ServiceMapBuilder,
  serviceMaps$,
  type ChangeObserver,
  type DeltaSource,
  type ServiceMapSources,
} from './service-map-builder.ts';
export {
  buildServiceMap,
  servicePortsOf,
  type IpFamily,
  type Protocol,
  type ServiceMap,
  type ServiceMapOptions,
  type ServicePort,
} from './service-map.ts';
export { PodRoutes, removePodRoutes, type PodRoutesDependencies, type PodRoutesOptions } from './routes/pod-routes.ts';
export { changesBetween, SnapshotMap, type Change } from './snapshot-map.ts';
export { PROXY_MODE, SERVICE_PROXY } from './tokens.ts';
export { ProxyHealth } from './status/proxy-health.ts';
export { ProxyMetrics, type SyncRecord } from './status/proxy-metrics.ts';
export { StatusServer, type StatusServerDependencies, type StatusServerOptions } from './status/status-server.ts';
export { UserspaceMode, type UserspaceModeDependencies, type UserspaceModeOptions } from './userspace/userspace-mode.ts';
export { explainService, type Explained, type ExplainOptions } from './explain/explain-service.ts';
