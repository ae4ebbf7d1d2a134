export {
  CertificateManager,
  type CertificateManagerDependencies,
  type CertificateManagerOptions,
} from './certificates/certificate-manager.ts';
export { discoverCluster, type DiscoverDependencies, type DiscoverOptions } from './certificates/discover-cluster.ts';
export type { WantedCertificate, WantedNames } from './certificates/issue.ts';
export type { KeyPair } from './certificates/key-pair.ts';
export {
  NodeCredentials,
  type NodeCredentialsDependencies,
  type NodeCredentialsOptions,
} from './certificates/node-credentials.ts';
export { readConfiguration, type ConfiguredOptions } from './configuration/read-configuration.ts';
export { Kubelet } from './kubelet.ts';
export type { KubeletDependencies, KubeletOptions, ServingOptions } from './options.ts';
export type { EvictionOptions, Observation, Reading, Signal } from './eviction/thresholds.ts';
export type { ImageGcOptions } from './images/image-gc.ts';
export type { Observe } from './eviction/observe.ts';
export type { EventSink, NetworkGuard, PodDelta, PodSource, ServiceSource } from './ports.ts';
export type { Authorize, KubeletRequest, KubeletUser, Verdict } from './server/contracts.ts';
export { delegatedAuthorize, type DelegatedAuthorizeDependencies } from './server/delegated-authorize.ts';
export { NodeApi, type ContainerName, type LogQuery } from './server/node-api.ts';
export { NodeReports, type NodeReportsDependencies, type NodeReportsOptions } from './stats/node-reports.ts';
export { KUBELET_VERSION } from './node/machine.ts';
export {
  computeActions,
  type ContainerRole,
  type ContainerToKill,
  type ContainerToStart,
  type ContainerVerdicts,
  type PodActions,
} from './pod/compute-actions.ts';
export { podPhase, type PhaseInput, type PodPhase } from './pod/pod-phase.ts';
export { containerStatuses, type StatusInput, type WaitingReason } from './pod/container-statuses.ts';
export { podConditions, type ConditionInput } from './pod/pod-conditions.ts';
export type { Mounter, MountRequest } from './volumes/mounter.ts';
export { removeVolumes } from './volumes/volume-manager.ts';
export { groupByPod, type PodView } from './pod/runtime-view.ts';
export { qosClass } from './pod/resources.ts';
export type { QosClass } from '@keelson/api';
export { serviceEnv, type ServiceEnvInput } from './env/service-env.ts';
