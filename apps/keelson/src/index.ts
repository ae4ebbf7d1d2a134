export { Cluster, type ClusterDependencies } from './cluster/cluster.ts';
export type { Reachable } from './cluster/component-context.ts';
export { CLUSTER_DEFAULTS, type ClusterChoices, type ClusterOptions, type ClusterSettings, type StoreChoice } from './options.ts';
export { progressOn, silentProgress, type Progress } from './progress.ts';
export { settle } from './settings.ts';
